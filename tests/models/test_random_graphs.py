"""Random layer graphs: compiled prediction and training agree with the NumPy interpreter.

A graph is drawn from a seed, so a failing seed is the whole report: `python -m
tests.models.test_random_graphs SEED` runs it again, and `hunt FIRST COUNT` goes through many. Both
sides see a model of their own, drawn from the same seed; everything is in float64. The interpreted
side also leaves out the optional passes, so that what they rewrite is compared with what was
written.
"""

from __future__ import annotations

import random
import sys

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import fncompile
from fncompile import flags, layers, ops
from fncompile.plan import machine
from tests.programs.steps import machine_numbers
from tests.random_seeds import random_seeds

PASSES = "simplify,simplify_step,simplify_layout"
OPTIMIZERS = ("SGD", "Adam", "RMSprop")
ACTIVATIONS = ("relu", "tanh", "sigmoid", "elu", "gelu", "softplus", "silu", "linear")


class Drawer:
    """Draws one model; `pool` has the tensors that later layers may read."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.inputs: list = []
        self.pool: list = []
        self.shared: dict[int, layers.Layer] = {}

    def model(self) -> fncompile.Model:
        pick = self.random
        for kind in [
            self._rows,
            *pick.choices(
                [self._rows, self._matrix, self._open, self._words], k=pick.randint(0, 2)
            ),
        ]:
            kind()
        for _ in range(pick.randint(2, 7)):
            self.pool.append(pick.choice(STEPS)(self, pick.choice(self.pool[-4:])))
        outputs = [self._head(t) for t in self._unread()]
        return fncompile.Model(
            self.inputs, outputs if len(outputs) > 1 else outputs[0], name="drawn"
        )

    def input(self, shape, dtype=None):
        self.inputs.append(layers.Input(shape, dtype=dtype, name=f"in{len(self.inputs)}"))
        return self.inputs[-1]

    def _rows(self):
        self.pool.append(self.input((self.random.choice([1, 3, 4, 7, 16, 17]),)))

    def _matrix(self):
        self.pool.append(self.input((self.random.randint(1, 5), self.random.choice([1, 2, 6, 9]))))

    def _open(self):
        self.pool.append(self.input((None, self.random.choice([1, 3, 8]))))

    def _words(self):
        words = self.input((self.random.choice([1, 3, 5]),), "int32")
        self.pool.append(layers.Embedding(11, self.random.choice([1, 3, 4]))(words))

    def _unread(self) -> list:
        read = {
            id(t)
            for layer in fncompile.Model(self.inputs, self.pool).layers
            for t in _inputs_of(layer)
        }
        left = [t for t in self.pool if id(t) not in read]
        return left[-3:]

    def _head(self, x):
        """A last layer with weights, so that there is something to train; open lengths are
        summed."""
        if None in x.shape[1:]:
            x = ops.mean(x, axis=1)
        return layers.Dense(2, activation=self.random.choice(ACTIVATIONS))(x)

    def same(self, x):
        """A tensor of the shape of x: another one where there is one."""
        found = [t for t in self.pool if t.shape == x.shape and None not in t.shape[1:]]
        return self.random.choice(found) if found else x


def _inputs_of(layer):
    return (
        [t for node in layer._inbound_nodes for t in node.input_tensors]
        if hasattr(layer, "_inbound_nodes")
        else []
    )


def dense(d, x):
    units = d.random.choice([1, 2, 5, 8, 17])
    return layers.Dense(
        units, activation=d.random.choice(ACTIVATIONS), use_bias=d.random.random() < 0.8
    )(x)


def shared(d, x):
    width = x.shape[-1]
    layer = d.shared.setdefault(width, layers.Dense(width, activation="tanh"))
    return layer(layer(x))


def activation(d, x):
    return layers.Activation(d.random.choice((*ACTIVATIONS, "softmax", "softsign")))(x)


def dropout(d, x):
    return layers.Dropout(0.4, seed=d.random.randint(0, 99))(x)


def batch_normalization(d, x):
    return layers.BatchNormalization(momentum=0.7, center=d.random.random() < 0.8)(x)


def layer_normalization(d, x):
    return layers.LayerNormalization()(x)


def merge(d, x):
    other = d.same(x)
    kinds = (
        layers.Add,
        layers.Multiply,
        layers.Average,
        layers.Maximum,
        layers.Minimum,
        layers.Subtract,
        layers.Concatenate,
    )
    return d.random.choice(kinds)()([x, other])


def outer(d, x):
    return (
        ops.matmul(ops.expand_dims(x, -1), ops.expand_dims(d.same(x), -2))
        if len(x.shape) == 2
        else x * x
    )


def shape(d, x):
    if len(x.shape) == 3 and None not in x.shape[1:]:
        return d.random.choice(
            [layers.Flatten(), layers.Permute((2, 1)), layers.Reshape((-1, x.shape[1]))]
        )(x)
    return layers.Reshape((x.shape[-1], 1))(x) if len(x.shape) == 2 else ops.sum(x, axis=1)


def operators(d, x):
    k = d.random.randrange(10)
    return (
        lambda: 0.5 * x - 1.0,
        lambda: x / (1.0 + ops.square(d.same(x))),
        lambda: ops.exp(-ops.abs(x)),
        lambda: ops.where(x > 0.1, x, 0.3 * x),
        lambda: x - ops.mean(x, axis=-1, keepdims=True),
        lambda: ops.cumsum(x, axis=-1),
        lambda: ops.concatenate([x[..., -1:], x[..., :1]], axis=-1),
        lambda: ops.flip(x, axis=-1),
        lambda: ops.log_softmax(x, axis=-1),
        lambda: ops.max(x, axis=-1, keepdims=True) * x,
    )[k]()


def attention(d, x):
    if len(x.shape) < 3:
        return x
    return ops.matmul(ops.softmax(ops.einsum("bik,bjk->bij", x, x)), x)


def recurrent(d, x):
    """Some cell along the first axis, with whatever options."""
    if len(x.shape) < 3:
        return x
    kind = d.random.choice([layers.SimpleRNN, layers.GRU, layers.LSTM])
    options = dict(return_sequences=d.random.random() < 0.5, go_backwards=d.random.random() < 0.3)
    layer = kind(d.random.choice([1, 3, 8]), activation=d.random.choice(ACTIVATIONS), **options)
    both = not layer.go_backwards and d.random.random() < 0.3
    return (layers.Bidirectional(layer) if both else layer)(x)


def nested(d, x):
    inside = layers.Input(x.shape[1:])
    y = layers.Dense(x.shape[-1], activation="tanh")(inside)
    inner = fncompile.Model(inside, layers.add([y, inside]))
    return inner(inner(x)) if d.random.random() < 0.5 else inner(x)


STEPS = [
    dense, dense, shared, activation, dropout, batch_normalization, layer_normalization, merge,
    merge, outer, shape, operators, operators, operators, attention, nested,
    recurrent, recurrent,
]  # fmt: skip


def drawn(seed: int) -> fncompile.Model:
    """The model of a seed, with weights of the same seed."""
    model = Drawer(seed).model()
    rng = np.random.default_rng(seed)
    for v in model.variables:
        if v.dtype == "float64":
            value = 0.6 * rng.standard_normal(v.shape)
            v.assign(np.abs(value) + 0.2 if "variance" in v.path else value)
    return model


def data(model, seed: int, rows: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed + 1)
    length = int(rng.integers(1, 6))
    shapes = [tuple(length if n is None else n for n in t.shape[1:]) for t in model.inputs]
    return [
        rng.integers(0, 11, (rows, *s)).astype("int32")
        if t.dtype == "int32"
        else rng.standard_normal((rows, *s))
        for t, s in zip(model.inputs, shapes, strict=True)
    ]


def predicted(seed: int) -> list[np.ndarray]:
    model = drawn(seed)
    found = []
    for rows in (1, 5, 37):
        outputs = model.predict(data(model, seed, rows), batch_size=16, verbose=0)
        found += outputs if isinstance(outputs, list) else [outputs]
    return found


def trained(seed: int) -> list[np.ndarray]:
    """Losses of three epochs of two batches, the last one partial, and what the model is then."""
    model = drawn(seed)
    optimizer = getattr(fncompile.optimizers, OPTIMIZERS[seed % 3])(0.01)
    model.compile(optimizer, loss=["mse"] * len(model.outputs))
    x = data(model, seed, 9)
    rng = np.random.default_rng(seed + 2)
    y = [
        rng.standard_normal([9, *([1] if None in t.shape[1:-1] else t.shape[1:-1]), t.shape[-1]])
        for t in model.outputs
    ]
    history = model.fit(x, y, batch_size=5, epochs=3, verbose=0, shuffle=False)
    return [
        np.array(history.history["loss"]),
        *model.get_weights(),
        *(v.numpy() for v in optimizer.variables),
    ]


def check(seed: int, run=None) -> None:
    for each in [run] if run else [predicted, trained]:
        compiled = each(seed)
        with flags(interp=True, skip=PASSES):
            expected = each(seed)
        assert len(compiled) == len(expected)
        for i, (a, b) in enumerate(zip(compiled, expected, strict=True)):
            np.testing.assert_allclose(
                a, b, rtol=1e-6, atol=1e-8, err_msg=f"seed {seed}, {each.__name__}, array {i}"
            )


@pytest.fixture(autouse=True)
def _float64():
    fncompile.config.set_floatx("float64")
    yield
    fncompile.config.set_floatx("float32")


@hypothesis.settings(max_examples=8, derandomize=True, database=None)
@hypothesis.given(seed=st.integers(0, 10_000))
def test_predictions_of_random_graphs(seed):
    check(seed, predicted)


@hypothesis.settings(max_examples=5, derandomize=True, database=None)
@hypothesis.given(seed=st.integers(0, 10_000))
def test_training_of_random_graphs(seed):
    check(seed, trained)


@pytest.mark.parametrize("seed", random_seeds(4))
def test_random_graphs_of_this_run(seed):
    """FNC_TEST_SEED repeats one."""
    check(seed, trained if seed % 2 else predicted)


@pytest.mark.parametrize("seed", [*range(2), *random_seeds(2)])
def test_random_graphs_for_drawn_machines(seed):
    """Small layers on either side of every threshold of the planner."""
    with machine.drawn(**machine_numbers(seed)):
        check(seed, trained if seed % 2 else predicted)


def hunt(first: int, count: int) -> None:
    """Say which seeds fail."""
    for seed in range(first, first + count):
        try:
            check(seed)
        except Exception as error:
            print(f"seed {seed}: {type(error).__name__}: {str(error).strip()[:600]}", flush=True)


if __name__ == "__main__":
    fncompile.config.set_floatx("float64")
    if sys.argv[1] == "hunt":
        hunt(int(sys.argv[2]), int(sys.argv[3]))
    else:
        check(int(sys.argv[1]))
