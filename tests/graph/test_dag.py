"""The DAG of calls: order, depth, what is refused."""

from __future__ import annotations

import networkx
import pytest

from fncompile import layers, ops
from fncompile.graph.dag import build_dag, producer
from fncompile.graph.tensor import KerasTensor


def names(operations):
    return [op.name for op in operations]


def dag_of(inputs, outputs):
    return build_dag(inputs if isinstance(inputs, list) else [inputs], outputs)


def test_a_chain_runs_from_input_to_output():
    a = layers.Input((3,), name="a")
    b = layers.Dense(2, name="b")(a)
    c = layers.Dense(2, name="c")(b)
    dag = dag_of(a, c)
    assert names(dag.operations) == ["a", "b", "c"]
    assert [dag.depth(call) for call in dag.calls] == [2, 1, 0]


def test_depth_is_the_longest_way_to_an_output():
    a = layers.Input((3,), name="a")
    short = layers.Dense(3, name="short")(a)
    long = layers.Dense(3, name="long_2")(layers.Dense(3, name="long_1")(a))
    dag = dag_of(a, layers.Add(name="sum")([short, long]))
    assert names(dag.operations) == ["a", "long_1", "short", "long_2", "sum"]


def test_ties_go_in_the_order_of_a_visit_from_the_outputs():
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    x, y = layers.Dense(2, name="x")(a), layers.Dense(2, name="y")(b)
    assert names(dag_of([a, b], layers.Add(name="s")([y, x])).operations) == [
        "b",
        "a",
        "y",
        "x",
        "s",
    ]
    assert names(dag_of([a, b], layers.Add(name="t")([x, y])).operations) == [
        "a",
        "b",
        "x",
        "y",
        "t",
    ]


def test_the_graph_has_calls_as_nodes_and_tensors_as_edges():
    a = layers.Input((3,), name="a")
    twice = layers.Add()([a, a])
    dag = dag_of(a, twice)
    assert isinstance(dag.graph, networkx.MultiDiGraph)
    edges = list(dag.graph.edges(data=True))
    assert [e[2]["position"] for e in edges] == [0, 1]
    assert all(e[2]["tensor"] is a for e in edges)
    assert networkx.is_directed_acyclic_graph(dag.graph)


def test_a_layer_called_twice_is_two_nodes_and_one_operation():
    a = layers.Input((3,), name="a")
    shared = layers.Dense(3, name="shared")
    dag = dag_of(a, shared(shared(a)))
    assert names(dag.operations) == ["a", "shared"]
    assert [call.operation.name for call in dag.calls] == ["a", "shared", "shared"]
    assert dag.calls_of(shared) == dag.calls[1:]


def test_a_shared_layer_stands_where_its_deepest_call_is():
    """Keras' own order for this graph (checked with Keras 3.15)."""
    a = layers.Input((3,), name="a")
    s, t = layers.Dense(3, name="s"), layers.Dense(3, name="t")
    assert names(dag_of(a, s(t(s(a)))).operations) == ["a", "s", "t"]


def test_calls_elsewhere_do_not_belong():
    a, other = layers.Input((3,), name="a"), layers.Input((3,), name="other")
    d = layers.Dense(3, name="d")
    d(other)
    dag = dag_of(a, d(a))
    assert len(dag.calls_of(d)) == 1
    assert names(dag.operations) == ["a", "d"]


def test_calls_run_after_what_they_need():
    a = layers.Input((3,))
    x = y = a
    for _ in range(6):
        x, y = layers.Dense(3)(x) + y, layers.Multiply()([x, y])
    dag = dag_of(a, [x, y, x - y])
    place = {call: k for k, call in enumerate(dag.calls)}
    assert all(place[u] < place[v] for u, v in dag.graph.edges())


def test_functions_are_operations_too():
    a = layers.Input((3,), name="a")
    dag = dag_of(a, ops.exp(a) * 2)
    assert names(dag.operations)[0] == "a"
    assert [op.name.split("_")[0] for op in dag.operations[1:]] == ["exp", "multiply"]


@pytest.mark.parametrize(
    "wrap, path", [(lambda x: x, ""), (lambda x: [x], "0"), (lambda x: {"k": [x]}, "k.0")]
)
def test_disconnected_outputs_are_refused(wrap, path):
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    with pytest.raises(
        ValueError, match=f"Output with path `{path}` is not connected to `inputs`.*'b'"
    ):
        dag_of(a, wrap(layers.Add()([a, b])))


def test_two_operations_of_one_name_are_refused():
    a = layers.Input((3,), name="a")
    with pytest.raises(
        ValueError, match='The name "d" is used 2 times in the model. All operation names'
    ):
        dag_of(a, layers.Dense(2, name="d")(layers.Dense(2, name="d")(a)))


def test_a_cycle_is_an_error_and_not_a_hang():
    a = layers.Input((3,))
    b = layers.Dense(3)(a)
    c = layers.Dense(3)(b)
    producer(b).args = (c,)
    with pytest.raises(ValueError, match="cycle"):
        dag_of(a, c)


def test_a_tensor_from_nowhere_has_no_place_in_a_graph():
    a = layers.Input((3,))
    with pytest.raises(ValueError, match="was not made by"):
        dag_of(a, KerasTensor.of(a.type, "lost"))


def test_an_unused_input_is_kept():
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    dag = dag_of([a, b], layers.Dense(2, name="d")(a))
    assert sorted(names(dag.operations)) == ["a", "b", "d"]
    assert names(dag.operations)[0] == "a"


def test_many_diamonds_take_linear_time():
    """A visit that did not remember would need 2**200 steps."""
    a = x = layers.Input((2,))
    for _ in range(200):
        x = layers.Add()([x, x])
    assert len(dag_of(a, x).calls) == 201
