"""Random tensors: seeds and state, the shape of each distribution, wrong arguments."""

from __future__ import annotations

import itertools
import math
import random as python_random

import numpy as np
import pytest

import fncompile
from fncompile import random
from fncompile.graph.tensor import KerasTensor
from fncompile.graph.trace import Trace
from fncompile.ir.dims import symbol
from fncompile.ir.interp import run
from fncompile.ir.node import Program
from fncompile.ir.philox import philox
from fncompile.ir.types import TensorType
from fncompile.random import seeds

N = 200_000
DRAWS = {
    "uniform": lambda seed: random.uniform((50,), seed=seed),
    "normal": lambda seed: random.normal((50,), seed=seed),
    "truncated_normal": lambda seed: random.truncated_normal((50,), seed=seed),
    "randint": lambda seed: random.randint((50,), 0, 1000, seed=seed),
    "bernoulli": lambda seed: random.bernoulli((50,), seed=seed),
    "dropout": lambda seed: random.dropout(np.ones(50, "float32"), 0.5, seed=seed),
    "categorical": lambda seed: random.categorical(np.zeros((1, 9)), 50, seed=seed),
    "shuffle": lambda seed: random.shuffle(np.arange(50), seed=seed),
}
EACH = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


@EACH
def test_an_integer_seed_gives_the_same_each_time(draw):
    np.testing.assert_array_equal(draw(3), draw(3))
    assert (draw(3) != draw(4)).any()


@EACH
def test_a_generator_moves_on(draw):
    first, second = random.SeedGenerator(3), random.SeedGenerator(3)
    a, b = draw(first), draw(first)
    assert (a != b).any()
    np.testing.assert_array_equal([draw(second), draw(second)], [a, b])
    assert first.state.value.tolist() == [3, 2]


@EACH
def test_no_seed_is_the_global_generator(draw):
    random.set_global_seed(7)
    a, b = draw(None), draw(None)
    random.set_global_seed(7)
    np.testing.assert_array_equal([draw(None), draw(None)], [a, b])
    assert (a != b).any()


def test_the_bits_are_philox_keyed_by_the_state():
    words = philox(9, 1, 0, 5)
    generator = random.SeedGenerator(9)
    generator.next()
    got = random.uniform((5,), seed=generator)
    np.testing.assert_array_equal(got, (words >> 8).astype("float32") * 2.0**-24)


def test_generators_without_a_seed_follow_pythons_random():
    python_random.seed(11)
    a = random.SeedGenerator().get_config()
    python_random.seed(11)
    assert (
        random.SeedGenerator.from_config(a).get_config() == random.SeedGenerator().get_config() == a
    )


def test_the_switch_gives_the_seed(monkeypatch):
    """The first generator of a process without a seed of its own has it, the next ones follow."""
    monkeypatch.setattr(seeds, "_unseeded", itertools.count())
    with fncompile.flags(seed=42):
        assert random.SeedGenerator().state.value.tolist() == [42, 0]
        assert random.SeedGenerator().state.value.tolist() == [43, 0]


def test_state_is_a_variable_as_in_keras():
    state = random.SeedGenerator(-1).state
    assert (state.name, state.dtype, state.shape, state.trainable) == (
        "seed_generator_state",
        "uint32",
        (2,),
        False,
    )
    assert state.value.tolist() == [2**32 - 1, 0]


@pytest.mark.parametrize("seed", ["a", 1.5, True])
def test_a_seed_is_an_integer(seed):
    with pytest.raises(ValueError, match="Argument `seed` must be an integer"):
        random.SeedGenerator(seed)


def test_draws_in_a_trace_record_the_next_state():
    generator, trace = random.SeedGenerator(5), Trace()
    with trace.active():
        outs = [random.uniform((3,), seed=generator) for _ in range(2)]
    ((param, _),) = trace.updates().items()
    program = Program((), (param,), {"a": outs[0].node, "b": outs[1].node}, trace.updates())
    values, updates = run(program, [], {param["name"]: np.array([5, 0], "uint32")})
    assert updates[param["name"]].tolist() == [5, 2]
    np.testing.assert_array_equal(values["a"], random.uniform((3,), seed=5))
    assert (values["a"] != values["b"]).all()


def test_symbolic_dropout_has_the_shape_of_its_input():
    x = KerasTensor.of(TensorType("float32", (symbol("B"), 4)), "x")
    assert random.dropout(x, 0.5, noise_shape=(None, 1)).shape == (None, 4)


# distributions: the k-th moments, within five standard errors --------


def within(sample, mean, deviation):
    assert abs(np.mean(sample, dtype="float64") - mean) < 5 * deviation / math.sqrt(N)


def test_uniform():
    u = random.uniform((N,), -2.0, 3.0, seed=1)
    assert u.min() >= -2 and u.max() < 3
    within(u, 0.5, 5 / math.sqrt(12))
    within((u + 2) / 5 < 0.25, 0.25, math.sqrt(0.25 * 0.75))


def test_normal():
    z = random.normal((N,), mean=1.0, stddev=2.0, seed=1)
    assert np.isfinite(z).all()
    z = (z - 1) / 2
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        within(z.astype("float64") ** power, moment, math.sqrt(variance))
    within(np.abs(z) < 1, math.erf(math.sqrt(0.5)), 0.5)
    within(z[1:] * z[:-1], 0, 1)


def test_truncated_normal():
    z = random.truncated_normal((N,), mean=1.0, stddev=0.5, seed=1)
    assert np.abs(z - 1).max() <= 1
    within(z, 1, 0.44)
    inside = math.erf(math.sqrt(0.5)) / math.erf(math.sqrt(2))
    within(np.abs(z - 1) < 0.5, inside, math.sqrt(inside * (1 - inside)))


def test_randint():
    k = random.randint((N,), -2, 3, seed=1)
    assert sorted(set(k.tolist())) == [-2, -1, 0, 1, 2]
    within(k == -2, 0.2, 0.4)
    assert k.dtype == "int32"
    wide = random.randint((1000,), -(2**31), 2**31 - 1, seed=1)
    assert wide.min() < -(2**30) and wide.max() > 2**30


def test_bernoulli_and_dropout():
    within(random.bernoulli((N,), 0.3, seed=1), 0.3, 0.46)
    y = random.dropout(np.ones(N, "float32"), 0.2, seed=1)
    assert set(y.tolist()) == {0.0, 1.25}
    within(y == 0, 0.2, 0.4)


def test_dropout_of_nothing_of_all_and_of_nan():
    x = np.array([1.0, np.nan, np.inf], "float32")
    np.testing.assert_array_equal(random.dropout(x, 0.0, seed=1), x)
    assert random.dropout(x, 1.0, seed=1).tolist() == [0, 0, 0]


def test_dropout_shared_over_an_axis():
    y = random.dropout(np.ones((40, 6), "float32"), 0.5, noise_shape=(40, 1), seed=1)
    assert (y == y[:, :1]).all()
    assert 0 < (y[:, 0] == 0).sum() < 40


def test_categorical():
    logits = np.log(np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 1e-30]]))
    k = random.categorical(logits, N, seed=1)
    assert k.shape == (2, N)
    for row, chances in zip(k, ([0.1, 0.2, 0.7], [0.5, 0.5, 0.0])):
        for value, p in enumerate(chances):
            within(row == value, p, math.sqrt(p * (1 - p)) + 1e-9)


def test_shuffle_is_a_permutation_of_rows():
    x = np.arange(300).reshape(100, 3)
    y = random.shuffle(x, seed=1)
    assert sorted(y[:, 0].tolist()) == x[:, 0].tolist()
    assert (y[:, 1] - y[:, 0] == 1).all() and (y != x).any()
    assert sorted(random.shuffle(x, axis=1, seed=1)[0].tolist()) == [0, 1, 2]


def test_extents_of_zero():
    assert random.normal((0, 3)).shape == (0, 3)
    assert random.uniform(()).shape == ()
    assert random.shuffle(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random.uniform((2,), dtype="int32"), "random.uniform` requires a floating point"),
        (lambda: random.normal((2,), dtype="int8"), "random.normal` requires a floating point"),
        (
            lambda: random.truncated_normal((2,), dtype="bool"),
            "`keras.random.truncated_normal` requires a floating point `dtype`",
        ),
        (lambda: random.randint((2,), 0, 3, dtype="float32"), "requires an integer `dtype`"),
        (lambda: random.categorical(np.zeros(3), 2), "should be a 2-D tensor"),
        (
            lambda: random.dropout(np.zeros((2, 3)), 0.5, noise_shape=(2,)),
            "must have the rank of the inputs",
        ),
        (lambda: random.normal((2, -1)), "cannot be negative"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
