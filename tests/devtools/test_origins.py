"""Every kernel says which layer it is from, forward or backward: on the README's network, on one
with BatchNormalization and Dropout, and on an attention block written with ops."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops
from fncompile.ir.node import Origin, coming_from, make, parse_origin, recording
from fncompile.ir.types import TensorType
from fncompile.plan.types import Repeat


def demo():
    img = fncompile.Input((20,), name="img")
    x = layers.Dense(8, activation="relu", name="first")(img)
    x = layers.Dense(8, activation="relu", name="second")(x)
    return fncompile.Model(img, layers.Dense(4, activation="softmax", name="digit")(x))


def normalized():
    x = fncompile.Input((20,), name="x")
    h = layers.BatchNormalization(name="norm")(layers.Dense(8, name="first")(x))
    h = layers.Dropout(0.5, name="drop")(layers.Activation("relu", name="relu")(h))
    return fncompile.Model(x, layers.Dense(4, activation="softmax", name="digit")(h))


def attention():
    x = fncompile.Input((5, 6), name="x")
    q, k, v = (layers.Dense(6, name=name)(x) for name in ("query", "key", "value"))
    scores = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 2, 1))) / 2.0)
    h = layers.Flatten(name="flat")(layers.Add(name="sum")([x, ops.matmul(scores, v)]))
    return fncompile.Model(x, layers.Dense(4, activation="softmax", name="digit")(h))


def recurrent():
    x = fncompile.Input((4, 3), name="x")
    h = layers.LSTM(4, name="memory")(x)
    return fncompile.Model(x, layers.Dense(4, activation="softmax", name="digit")(h))


ROWS = {demo: (20,), normalized: (20,), attention: (5, 6), recurrent: (4, 3)}
LOSS, ACCURACY = "loss/sparse_categorical_crossentropy", "metrics/accuracy"


@pytest.fixture(params=ROWS, ids=lambda build: build.__name__)
def trained(request, quickly_compiled):
    fncompile.utils.clear_session()
    model = request.param()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.zeros((3, *ROWS[request.param]), "float32")
    model.train_on_batch(x, np.zeros(3, "int32"))
    return model, x


def step_of(model):
    return next(e for e in model.steps().compiled_entries() if e.name == "train_step")


def names_of(model) -> set[str]:
    return {operation.name for operation in model.operations}


def test_no_kernel_is_without_origin(trained):
    model, _ = trained
    plan = step_of(model).plan
    known = names_of(model) | {"loss", "metrics", "optimizer"}
    for kernel in plan.kernels:
        assert kernel.origins, kernel.name
        assert {o.path.split("/")[0] for o in kernel.origins} <= known, kernel.origins
    found = {o for k in plan.kernels for o in k.origins}
    for origin in (LOSS, ACCURACY, "optimizer/adam"):
        assert Origin(origin) in found


def test_only_what_differentiation_made_is_backward(trained):
    """What computes the loss is forward, what computes a gradient of a weight is backward."""
    model, _ = trained
    program = step_of(model).program
    forward = {program.outputs["loss"]}
    below = list(forward)
    while below:
        for source in below.pop().src:
            if source not in forward:
                forward.add(source)
                below.append(source)
    for node in forward:
        if node.op not in ("input", "param"):
            assert not program.origins[node].backward, node
    layers_behind = {o.path for o in program.origins.values() if o.backward}
    weighted = {layer.name for layer in model.layers if layer.trainable_weights}
    assert weighted | {LOSS} <= layers_behind
    assert not any(path.startswith(("optimizer", "metrics")) for path in layers_behind)


def test_kernels_are_named_after_what_they_do(trained):
    model, _ = trained
    for kernel in step_of(model).plan.kernels:
        stage = kernel.stages[0] if kernel.product else kernel.stages[-1]
        about = step_of(model).program.origins.get(stage.node)
        if about is not None:  # what planning made is not in the program
            parts = about.path.split("/")
            layer = parts[0] if parts[0] == "loss" else parts[-1]
            assert kernel.name[4:].startswith(layer), kernel.name
            assert ("_grad_" in kernel.name) == about.backward, kernel.name


def test_forward_of_normalization_and_dropout_is_theirs(quickly_compiled):
    """x - mean was a kernel of the gradient of the Dense before; the mask one of the gradient."""
    fncompile.utils.clear_session()
    model = normalized()
    model.compile("sgd", "mse")
    model.train_on_batch(np.zeros((3, 20), "float32"), np.zeros((3, 4), "float32"))
    entry = step_of(model)
    origins = {n: o for n, o in entry.program.origins.items() if n in entry.program.nodes()}
    bits = [o for n, o in origins.items() if n.op == "bits"]
    assert bits == [Origin("drop")]
    roots = [o for n, o in origins.items() if n.op == "ew" and n["fn"] in ("rsqrt", "sqrt")]
    assert roots and set(roots) <= {Origin("norm"), Origin("norm", backward=True)}
    subtractions = [o for n, o in origins.items() if n.op == "ew" and n["fn"] == "sub"]
    assert Origin("norm") in subtractions and Origin("first", True) not in subtractions


def test_explain_and_profile_name_every_layer(trained):
    model, x = trained
    kernels = model.explain("kernels")
    profile = model.profile(x, np.zeros(3, "int32"), repeats=1)
    for text in (kernels, profile):
        assert "no layer" not in text
        for layer in model.layers:
            if layer.weights:
                assert re.search(rf"\b{layer.name}[;,\n]", text), layer.name
                assert f"{layer.name} (backward)" in text
        assert LOSS in text and "optimizer/adam" in text
    weighted = [layer.name for layer in model.layers if layer.weights]
    for name in weighted:
        lines = model.explain("kernels", layer=name).splitlines()
        for line in lines[2:]:
            if line.startswith("  k"):
                assert name in line


def test_the_loop_forward_is_forward(quickly_compiled):
    """What autodiff makes of a scan so that it keeps what the gradient needs runs forward."""
    fncompile.utils.clear_session()
    model = recurrent()
    model.compile("sgd", "mse")
    model.train_on_batch(np.zeros((3, 4, 3), "float32"), np.zeros((3, 4), "float32"))
    first, second = (s for s in step_of(model).plan.steps if isinstance(s, Repeat))
    assert all(k.origins == (Origin("memory"),) for k in first.body)
    assert all(o.backward for k in second.body for o in k.origins)


def test_an_edge_of_order_says_so(trained):
    """The optimizer overwrites what the products of the forward pass read: nothing flows."""
    model, _ = trained
    lines = model.explain("fuse").splitlines()
    to_weights = [x for x in lines if re.search(r"apart: .*digit:dot .*-> optimizer/adam:sub", x)]
    assert to_weights or "memory" in names_of(model)  # whose digits are read no more by then
    assert all("the second overwrites what the first reads" in line for line in to_weights)
    flows = [x for x in lines if "digit (backward):dot" in x and "-> optimizer" in x]
    assert flows and not any("overwrites" in line for line in flows)


def test_ops_of_the_graph_are_origins(quickly_compiled):
    fncompile.utils.clear_session()
    model = attention()
    model.predict(np.zeros((2, 5, 6), "float32"), verbose=0)
    [entry] = model.steps().compiled_entries()
    found = {o.path for k in entry.plan.kernels for o in k.origins}
    # "matmul" and "softmax" are in the attention that stands in the place of "matmul_1"
    assert {"matmul_1", "query", "key", "value", "digit"} <= found


def test_an_origin_is_text_and_back():
    for origin in (Origin("a/b"), Origin("a/b", backward=True), Origin("it's")):
        assert parse_origin(str(origin)) == origin


def test_the_first_who_makes_a_node_is_its_origin():
    x = make("input", (), "x", TensorType("float32", (3,)))
    origins: dict = {}
    with recording(origins):
        with coming_from(Origin("one")):
            node = make("ew", (x,), "exp")
        with coming_from(Origin("two", backward=True)):
            assert make("ew", (x,), "exp") is node
            other = make("ew", (node,), "exp")
        make("ew", (other,), "exp")
    assert origins == {node: Origin("one"), other: Origin("two", backward=True)}
