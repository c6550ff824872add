"""`fncompile.load_library`: an export used from Python, by itself."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import fncompile
from fncompile.tree import flatten
from tests.export.zoo import MAKERS, data


@pytest.fixture
def opened(exported):
    def get(name: str):
        model, library = exported(name)
        return model, fncompile.load_library(library.bundle.directory)

    return get


@pytest.mark.parametrize("name", MAKERS)
def test_predictions_are_the_model_s(opened, name):
    """With a last part of fewer rows, where the batch is open."""
    model, library = opened(name)
    inputs = data(name, 8 if name == "fixed_batch" else 11)[: len(model.inputs)]
    x = inputs if len(inputs) > 1 else inputs[0]
    size = 11 if name == "plain" else 4  # one of its outputs has no rows
    expected = flatten(model.predict(x, batch_size=size, verbose=0))
    for got, want in zip(flatten(library.predict(x, batch_size=size)), expected, strict=True):
        assert got.tobytes() == np.ascontiguousarray(want).tobytes()


def test_names_shapes_and_types(opened):
    model, library = opened("sequences")
    assert library.name == "sequences" and library.trains
    assert library.inputs == [("tokens", (None, None), "int32"), ("n", (None, None, 16), "float32")]
    assert library.outputs == [
        ("ctx", (None, None, 16), "float32"), ("int", (None, 8), "float32")]  # fmt: skip
    assert library.weights == [(v.path, v.shape, v.dtype) for v in model.weights]
    assert library.metrics_names == [name for name, _ in model._objective.results()]
    assert not opened("plain")[1].trains and "sequences" in repr(library)


def test_training_is_the_model_s_bit_for_bit(borrowed, tmp_path):
    """The context grows with the batch on the way, and keeps what it has learnt."""
    model, found = borrowed("classifier")
    library = fncompile.load_library(found.bundle.shared)
    x, y = data("classifier", 40)
    for size in (4, 16):
        history = library.fit(x, y, batch_size=size, epochs=2, shuffle=False)
        theirs = model.fit(x, y, batch_size=size, epochs=2, shuffle=False, verbose=0).history
        assert history == theirs
    for got, want in zip(library.get_weights(), model.get_weights(), strict=True):
        assert got.tobytes() == want.tobytes()
    expected = model.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)
    assert library.evaluate(x, y, batch_size=16) == expected
    library.save_weights(tmp_path / "c.weights.h5")
    library.set_weights([w * 0 for w in library.get_weights()])
    assert not library.get_weights()[0].any()
    library.load_weights(tmp_path / "c.weights.h5")
    assert library.get_weights()[0].tobytes() == model.get_weights()[0].tobytes()
    model.load_weights(tmp_path / "c.weights.h5")
    assert library.train_on_batch(x, y) == pytest.approx(
        model.train_on_batch(x, y, return_dict=True))  # fmt: skip


def test_several_arrays_by_name_and_an_open_length(opened):
    _, library = opened("sequences")
    tokens, more, each, whole = data("sequences", 6)
    by_name = {"n": more, "tokens": tokens}
    losses = [
        library.train_on_batch(by_name, {"target_ctx": each, "target_int": whole})["loss"]
        for _ in range(20)
    ]
    assert losses[-1] < losses[0]
    outputs = library.predict(by_name, batch_size=2)
    for got, want in zip(outputs, library.predict([tokens, more]), strict=True):
        assert got.tobytes() == want.tobytes()


def test_learning_rates(opened):
    _, library = opened("classifier")
    library.learning_rate = 0.25
    assert library.learning_rate == 0.25
    with pytest.raises(ValueError, match="out of its range"):
        library.learning_rate = -1
    with pytest.raises(RuntimeError, match="A schedule sets the learning rate"):
        opened("scheduled")[1].learning_rate = 1.0


def test_a_fixed_batch_trains(opened):
    _, library = opened("fixed_batch")
    x, y = data("fixed_batch", 8)
    first, second = (library.fit(x, y, shuffle=False)["loss"][0] for _ in range(2))
    assert second < first


@pytest.mark.parametrize(("call", "words"), [
    (lambda m: m.predict(np.zeros((2, 7))), r"'img' takes arrays of shape \('B', 20\).*\(2, 7\)"),
    (lambda m: m.predict(np.zeros(20)), "'img' takes arrays of shape"),
    (lambda m: m.predict([np.zeros((2, 20))] * 2), r"1 arrays \(inputs\) are wanted. Received: 2"),
    (lambda m: m.predict({"image": np.zeros((2, 20))}), r"Arrays called \['img'\] are wanted"),
    (lambda m: m.fit(np.zeros((4, 20)), np.zeros(3)), "'target' takes arrays of shape"),
    (lambda m: m.fit(np.zeros((4, 20)), np.full(4, 10)), "a class number that the model"),
    (lambda m: m.set_weights([np.zeros(3)]), "Weights of shapes"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(opened, call, words):
    with pytest.raises(ValueError, match=words):
        call(opened("classifier")[1])


def test_libraries_that_only_predict_say_so(opened):
    _, library = opened("plain")
    x, y = data("plain", 4)
    for call in (
        lambda: library.fit(x, y),
        lambda: library.evaluate(x, y),
        lambda: library.save_weights("nowhere"),
        lambda: library.learning_rate,
    ):
        with pytest.raises(RuntimeError, match="The library 'plain' only predicts"):
            call()


def test_files_that_are_no_library(opened, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no library"):
        fncompile.load_library(tmp_path / "none.so")
    with pytest.raises(FileNotFoundError, match="Found: none"):
        fncompile.load_library(tmp_path)
    (tmp_path / "libx.so").write_bytes(b"no library")
    with pytest.raises(ValueError, match="no library that this machine can load"):
        fncompile.load_library(tmp_path)
    foreign = tmp_path / "libforeign.so"
    subprocess.run(["cc", "-shared", "-x", "c", "/dev/null", "-o", foreign], check=True)
    with pytest.raises(ValueError, match="is no library of fncompile called 'foreign'"):
        fncompile.load_library(foreign)
    with pytest.raises(OSError, match="could not be opened"):
        opened("classifier")[1].load_weights(tmp_path / "none.weights.h5")


def test_no_compiler_is_needed(opened):
    """Neither fncompile's nor that of C."""
    _, library = opened("plain")
    code = f"""
import sys, numpy, fncompile
library = fncompile.load_library({str(library.path)!r})
library.predict(numpy.zeros((2, 6)))
print(sorted(n for n in sys.modules if n.startswith(("fncompile.passes", "fncompile.codegen"))))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": ""}, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr
