"""The case table and the networks: what the figures of the benchmark rest on."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import cases, networks
from benchmarks.cases import Case


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
    network = networks.Network(
        "hand", {"a": 2}, {"d": (2, 2)},
        (networks.Node("y", "dense", ("a",), "d", True), networks.Node("s", "add", ("a", "y")),
         networks.Node("z", "concat", ("s", "y"))), ("z",), "mse")
    kernel, bias = networks.weights(network)["d"]
    x = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
    y = np.maximum(x @ kernel + bias, 0)
    (z,) = networks.forward(network, [x])
    np.testing.assert_allclose(z, np.hstack([x + y, y]), rtol=1e-6)


def test_losses():
    mse, cross = networks.NETWORKS["dag"], networks.NETWORKS["mlp784"]
    zeros, ones = np.zeros((2, 3)), np.ones((2, 4))
    assert networks.loss(mse, [zeros, ones], [zeros + 2, ones]) == 4.0
    even = np.full((5, 10), 1000.0)  # overflows unless the largest is taken off first
    np.testing.assert_allclose(networks.loss(cross, [even], [np.arange(5)]), np.log(10))


def test_weights_and_data_are_the_same_in_every_process():
    network = networks.NETWORKS["tiny"]
    first, again = networks.weights(network), networks.weights(network)
    assert all(np.array_equal(a, b) for n in first for a, b in zip(first[n], again[n]))
    assert np.array_equal(networks.data(network, 3)[0][0], networks.data(network, 3)[0][0])
