"""One op, three worlds: arrays, the user's graph, a trace; and what may stand for a tensor."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import ops
from fncompile.graph.call import FunctionOperation, infer_outputs
from fncompile.graph.tensor import KerasTensor, Tensor
from fncompile.graph.trace import Trace, placeholder
from fncompile.graph.variable import Variable
from fncompile.ir.dims import symbol
from fncompile.ir.types import TensorType

X = np.arange(6, dtype="float32").reshape(2, 3)


def symbolic(*shape, dtype="float32"):
    return KerasTensor.of(TensorType(dtype, shape), "x")


def test_arrays_give_arrays():
    out = ops.add(X, 1)
    assert type(out) is np.ndarray
    out[0, 0] = 7  # it is the caller's own


def test_symbolic_tensors_give_symbolic_tensors_with_a_history():
    x = symbolic(symbol("B"), 3)
    y = ops.relu(x)
    assert isinstance(y, KerasTensor)
    operation, node_index, tensor_index = y._keras_history
    assert isinstance(operation, FunctionOperation)
    assert (node_index, tensor_index) == (0, 0)
    assert operation._inbound_nodes[0].input_tensors == [x]


def test_several_results_have_one_history():
    a, b, c = ops.split(symbolic(symbol("B"), 6), 3, axis=1)
    assert a._keras_history.operation is c._keras_history.operation
    assert [t._keras_history.tensor_index for t in (a, b, c)] == [0, 1, 2]


def test_inside_a_trace_tensors_give_tensors():
    with Trace().active():
        x = placeholder("x", TensorType("float32", (2, 3)))
        out = ops.exp(x) + X
        assert isinstance(out, Tensor)
        assert out.shape == (2, 3)


def test_lists_may_mix_arrays_variables_and_numbers():
    v = Variable(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(ops.stack([v, np.array([3.0, 4.0])]), [[1, 2], [3, 4]])
    assert ops.sum([v, np.ones(2)]) == 5
    assert ops.add([1, 2], 1).tolist() == [2, 3]
    assert ops.concatenate([X, [[1, 2, 3]]], axis=0).shape == (3, 3)


def test_variables_count_as_their_value():
    v = Variable(np.ones(3))
    assert (v * 2 + 1).tolist() == [3, 3, 3]
    assert (1 - v).tolist() == [0, 0, 0]
    assert ops.mean(v) == 1
    assert v[1:].tolist() == [1, 1]


@pytest.mark.parametrize(
    "expression",
    [
        "a + b",
        "a - b",
        "a * b",
        "a / b",
        "a // b",
        "a % b",
        "a ** b",
        "a < b",
        "a <= b",
        "a > b",
        "a >= b",
        "a == b",
        "a != b",
        "-a",
        "abs(a)",
        "a @ b",
        "1 + a",
        "2 - a",
        "2 * a",
        "2 / a",
        "2 // a",
        "2 % a",
        "2 ** a",
        "a[0]",
        "(a > 1) & (b > 1)",
        "(a > 1) | (b > 1)",
        "(a > 1) ^ (b > 1)",
        "~(a > 1)",
    ],
)
def test_operators_are_ops(expression):
    """On variables (evaluated at once) and in the graph, against NumPy."""
    a, b = (np.random.default_rng(i).uniform(0.5, 3, (3, 3)).astype("float32") for i in (0, 1))
    want = eval(expression, {"a": a, "b": b})
    got = eval(expression, {"a": Variable(a), "b": Variable(b)})
    np.testing.assert_allclose(got, want, rtol=1e-5)
    shape = eval(expression, {"a": symbolic(3, 3), "b": symbolic(3, 3)})
    assert (shape.shape, shape.dtype) == (want.shape, got.dtype.name)


def test_arrays_leave_operators_to_symbolic_tensors():
    y = X + symbolic(symbol("B"), 2, 3)
    assert y.shape == (None, 2, 3)


def test_numpy_integers_are_axes_and_sizes():
    axis = np.int64(1)
    assert ops.sum(X, axis=axis).shape == (2,)
    assert ops.reshape(X, (np.int32(3), -1)).shape == (3, 2)
    assert ops.one_hot(np.array([1]), np.int64(3)).shape == (1, 3)


def test_unknown_extents_are_accepted_where_extents_are_asked_for():
    x = symbolic(symbol("B"), symbol("T"), 4)
    batch, length, _ = ops.shape(x)

    def uses(x):
        n, t, _ = ops.shape(x)
        return [
            ops.reshape(x, (n, -1)),
            ops.reshape(x, (n * t, 4)),
            ops.zeros((n, 7)),
            ops.broadcast_to(ops.ones((1, 4)), (n, 4)),
            ops.arange(t),
            ops.tile(x, (1, 2, 1)),
            ops.eye(t),
            ops.full((n,), 2),
            ops.flip(x, 1),
            ops.concatenate([x, x], 1),
        ]

    shapes = [y.shape for y in infer_outputs(uses, (x,), {})]
    assert shapes == [
        (None, None),
        (None, 4),
        (None, 7),
        (None, 4),
        (None,),
        (None, None, 4),
        (None, None),
        (None,),
        (None, None, 4),
        (None, None, 4),
    ]
    assert (batch, length) == (None, None)  # of a symbolic tensor, as in its `shape`


def test_unknown_extents_are_operands():
    """In a layer's `call`, where Keras has a number; on arrays they are numbers here too."""

    class Uses(fncompile.layers.Layer):
        def call(self, x):
            n = ops.shape(x)[0]
            return [
                ops.cast(n, "float32"), ops.sum(x) / n, n * x, x - n, ops.divide(1.0, n),
                ops.less(n, 3), ops.stack([n, 2 * n]),
            ]  # fmt: skip

    want = [2, X.sum() / 2, 2 * X, X - 2, 0.5, True, [2, 4]]
    x = fncompile.Input((3,))
    model = fncompile.Model(x, Uses()(x)[:5])
    for got in (Uses()(X), model.predict(X, verbose=0)):
        for g, w in zip(got, want):
            np.testing.assert_allclose(g, w, rtol=1e-6)


@pytest.mark.parametrize(
    "use",
    [lambda n: n < 3, lambda n: n // 0.5, lambda n: 1 / n, lambda n: 9 % n, range, float],
    ids=["<", "//", "/", "%", "range", "float"],
)
def test_python_cannot_compute_with_an_unknown_extent(use):
    with pytest.raises(TypeError, match="The extent B is unknown until the program runs"):
        use(symbol("B"))
    with pytest.raises(TypeError):
        symbol("B") * 0.5  # which was 0


@pytest.mark.parametrize("tensor", [symbolic(), placeholder("x", TensorType("int32", ()))])
@pytest.mark.parametrize("use", [int, float, range, lambda t: [1, 2][t]])
def test_a_tensor_is_no_number_of_python(tensor, use):
    with pytest.raises(TypeError, match="whose value is not known while a program is made"):
        use(tensor)


def test_shape_of_arrays_and_lists():
    assert ops.shape(X) == (2, 3)
    assert ops.shape([1, 2]) == (2,)
    assert ops.ndim(X) == 2


def test_is_tensor():
    assert ops.is_tensor(X) and ops.is_tensor(Variable(X)) and ops.is_tensor(symbolic(2))
    assert not ops.is_tensor([1, 2]) and not ops.is_tensor(1.0)
