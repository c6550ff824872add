"""The case table and the networks: what the figures of the benchmark rest on."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import cases, networks, oracle
from benchmarks.cases import Case
from benchmarks.description import Layer, Network, Node, paddings


def test_the_table_has_every_network_kind_batch_dtype_and_number_of_cores_once():
    rows = cases.table()
    assert len({row.name for row in rows}) == len(rows)
    assert {row.network for row in rows} == set(networks.NETWORKS)
    assert {row.kind for row in rows} == {"predict", "train"}
    assert {row.batch for row in rows} == {1, 32, 256, 4096}
    assert {row.dtype for row in rows} == {"float32", "bfloat16"}
    assert {row.cores for row in rows} == {1, 2}


@pytest.mark.parametrize("special", [cases.QUICK, cases.COMPILED])
def test_rows_that_other_tables_name_are_in_the_table(special):
    assert special <= {(row.network, row.kind, row.batch) for row in cases.table()}


def test_flops_of_a_step_leave_out_the_gradient_of_the_inputs():
    forward = 2 * 32 * (784 * 64 + 64 * 64 + 64 * 10)
    assert cases.flops(Case("mlp784", "predict", 32)) == forward
    assert cases.flops(Case("mlp784", "train", 32)) == 3 * forward - 2 * 32 * 784 * 64


def test_shared_layers_work_twice_and_are_stored_once():
    dag = networks.NETWORKS["dag"]
    per_call = 128 * 128 + 128 * 64
    rest = 32 * 64 + 128 * 64 + 64 * 10 + 128 * 4
    assert cases.flops(Case("dag", "predict", 1)) == 2 * (2 * per_call + rest)
    assert dag.parameters() == per_call + rest + (128 + 64 + 64 + 64 + 10 + 4)


def test_widths_follow_the_nodes():
    widths = networks.NETWORKS["dag"].widths()
    assert (widths["sum"], widths["all"], widths["out1"], widths["out2"]) == (64, 128, 10, 4)


def test_traffic_counts_each_weight_once_and_adam_three_times_both_ways():
    tiny = networks.NETWORKS["tiny"]
    values = 8 + 16 + 16 + 1
    parameters = 8 * 16 + 16 + 16 * 16 + 16 + 16 + 1
    assert tiny.parameters() == parameters
    assert cases.traffic(Case("tiny", "predict", 2)) == 4 * (parameters + 2 * 2 * values)
    assert cases.traffic(Case("tiny", "train", 2)) == 4 * (6 * parameters + 4 * 2 * values)


def test_the_oracle_adds_and_joins():
    """A network small enough to compute by hand, on the weights that it draws."""
    network = Network(
        "hand", {"a": (2,)}, {"d": Layer("dense", (2, 2))},
        (Node("y", "dense", ("a",), "d", True), Node("s", "add", ("a", "y")),
         Node("z", "concat", ("s", "y"))), ("z",), "mse")
    kernel, bias = networks.weights(network)["d"]
    x = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
    y = np.maximum(x @ kernel + bias, 0)
    (z,) = oracle.forward(network, [x])
    np.testing.assert_allclose(z, np.hstack([x + y, y]), rtol=1e-6)


def test_losses():
    mse, cross = networks.NETWORKS["dag"], networks.NETWORKS["mlp784"]
    zeros, ones = np.zeros((2, 3)), np.ones((2, 4))
    assert oracle.loss(mse, [zeros, ones], [zeros + 2, ones]) == 4.0
    even = np.full((5, 10), 1000.0)  # overflows unless the largest is taken off first
    np.testing.assert_allclose(oracle.loss(cross, [even], [np.arange(5)]), np.log(10))


def test_weights_and_data_are_the_same_in_every_process():
    network = networks.NETWORKS["tiny"]
    first, again = networks.weights(network), networks.weights(network)
    assert all(np.array_equal(a, b) for n in first for a, b in zip(first[n], again[n]))
    assert np.array_equal(networks.data(network, 3)[0][0], networks.data(network, 3)[0][0])


def test_products_of_convolutions_count_every_output():
    """2 * outputs * (taps * inputs); MFLOP of a sample, of the published networks. Those of an
    attention: four products with weights, and two of the scores."""
    wanted = {"lenet": 4.88, "resnet20": 81.6, "mobilenet": 41.7, "tcn": 5.57,
              "encoder128": 27.3, "encoder256": 218.1, "gpt": 113.2}
    found = {name: cases.flops(Case(name, "predict", 1)) / 1e6 for name in wanted}
    assert found == pytest.approx(wanted, rel=2e-3)


def test_convolutions_of_the_oracle_are_sums_over_their_windows():
    """Strides, dilation and padding by hand: each output is a sum over what it sees."""
    for padding, stride, dilation in (("same", 2, 1), ("valid", 1, 2), ("causal", 1, 2)):
        node = Node("y", "conv", ("x",), "c", False, 1, stride, dilation, padding)
        network = Network("one", {"x": (7, 2)}, {"c": Layer("conv", (3, 2, 4))}, (node,), ("y",),
                          "mse")
        kernel, bias = networks.weights(network)["c"]
        [x], _ = networks.data(network, 2)
        [y] = oracle.forward(network, [x])
        [(low, _)] = paddings(node, (3,), (7, 2))
        assert y.shape[1:] == network.shapes()["y"]
        for i in range(y.shape[1]):
            places = [(t, i * stride - low + t * dilation) for t in range(3)]
            right = bias + sum(x[:, at] @ kernel[t] for t, at in places if 0 <= at < 7)
            np.testing.assert_allclose(y[:, i], right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("padding", ["valid", "causal"])
def test_attention_of_the_oracle_sees_what_it_may(padding):
    """One step sees itself alone; of more, the first sees the others unless it is causal."""
    width, node = 4, Node("y", "attention", ("x",), "a", padding=padding)
    network = Network("a", {"x": (3, width)}, {"a": Layer("attention", (width, 2, 2))}, (node,),
                      ("y",), "mse")
    *_, value, value_bias, kernel, bias = (
        w.astype(np.float64) for w in networks.weights(network)["a"])
    [x], _ = networks.data(network, 2)
    [alone] = oracle.forward(network, [x[:, :1]])
    v = np.einsum("btd,dhe->bthe", x[:, :1], value) + value_bias
    np.testing.assert_allclose(alone, np.einsum("bthe,hed->btd", v, kernel) + bias, rtol=1e-9)
    [y] = oracle.forward(network, [x])
    assert np.allclose(y[:, :1], alone) == (padding == "causal")
    x[:, 0] += 1
    [changed] = oracle.forward(network, [x])
    assert np.abs(changed - y).min() > 0


def test_a_normalisation_takes_the_batchs_own_statistics_in_training():
    network = Network("norm", {"x": (4, 4, 3)}, {"n": Layer("norm", (3,))},
                      (Node("y", "norm", ("x",), "n"),), ("y",), "mse")
    gamma, beta, *_ = networks.weights(network)["n"]
    [x], _ = networks.data(network, 8)
    [y] = oracle.forward(network, [x], training=True)
    np.testing.assert_allclose(y.mean((0, 1, 2)), beta, atol=1e-6)
    np.testing.assert_allclose(y.std((0, 1, 2)), gamma, rtol=2e-3)
