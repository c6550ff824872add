"""What Python runs is what ships: the same objects, and the same bits from predicting and
training."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

import fncompile
from fncompile.export.bundle import make_sources
from fncompile.export.describe import TRAINING
from fncompile.export.prefix import model_prefix
from fncompile.flags import flag
from fncompile.runtime import binding as runtime
from fncompile.runtime import cache
from tests.export.library import PREDICT, TRAIN, Context, Library, flat_weights
from tests.export.zoo import MAKERS, SIZES, data
from tests.tools import need

TRAINED = ["classifier", "sequences", "scheduled", "images", "tagger"]


def sizes(name: str) -> tuple[int, ...]:
    return (SIZES[name],) if name in SIZES else ()


def predict(library: Library, name: str, inputs, outputs) -> list[np.ndarray]:
    """The outputs of the library, in arrays shaped like `outputs`."""
    context = Context(
        library, PREDICT, *([] if name == "fixed_batch" else [len(inputs[0])]), *sizes(name)
    )
    found = [np.full_like(o, -7) for o in outputs]
    context.ok("predict", len(inputs[0]), *sizes(name), *inputs, *found)
    return found


@pytest.mark.parametrize("rows", [1, 7, 64])
@pytest.mark.parametrize("name", MAKERS)
def test_predictions_are_python_s_bit_for_bit(exported, name, rows):
    model, library = exported(name)
    rows = 4 if name == "fixed_batch" else rows
    inputs = data(name, rows)[: len(model.inputs)]
    expected = model.predict(inputs if len(inputs) > 1 else inputs[0], batch_size=rows, verbose=0)
    expected = expected if isinstance(expected, list) else [expected]
    for got, want in zip(predict(library, name, inputs, expected), expected, strict=True):
        assert got.tobytes() == np.ascontiguousarray(want).tobytes()


@pytest.mark.parametrize("name", ["classifier", "plain"])
def test_python_can_run_the_objects_that_ship(exported, name, tmp_path):
    """`runtime.binding` opens what the archive has inside, which the shared library hides, as it
    opens the library in the cache."""
    model, library = exported(name)
    x = data(name, 5)[0]
    entry = model.steps().predict_entry([x])
    expected = [np.asarray(o) for o in entry.run([x])]
    whole = ["-Wl,--whole-archive", library.bundle.static, "-Wl,--no-whole-archive", "-lm"]
    subprocess.run(["cc", "-shared", *whole, "-o", tmp_path / "all.so"], check=True)
    shipped = runtime.Library(tmp_path / "all.so").symbol(f"{library.prefix}_predict_entry")
    env = entry.environment({"B": 5})
    found = [np.empty_like(o) for o in expected]
    env.set_in(0, x)
    for i, array in enumerate(found):
        env.set_out(i, array)
    assert shipped(env) == runtime.OK
    assert [a.tobytes() for a in found] == [a.tobytes() for a in expected]


@pytest.mark.parametrize("name", ["classifier", "plain"])
def test_objects_in_the_archive_are_those_of_python_s_library(exported, name, tmp_path):
    need("ar")
    model, library = exported(name)
    subprocess.run(["ar", "x", library.bundle.static], cwd=tmp_path, check=True)
    entries = [e for e in model.steps().entries.values() if hasattr(e, "source")]
    assert {e.name for e in entries} == (
        {"predict", *(TRAINING if name != "plain" else ())} - {"report"}
    )
    for entry in entries:
        built = cache.build_library({entry.name: entry.source}, keep_objects=True)
        shipped = tmp_path / f"{library.prefix}_{entry.name}.o"
        assert shipped.read_bytes() == built.objects[entry.name].read_bytes()


@pytest.mark.parametrize("name", TRAINED)
def test_training_steps_are_python_s_bit_for_bit(borrowed, name, tmp_path):
    """Weights, optimizer state, seeds and metrics after 13 steps, the last of them a partial
    batch."""
    model, library = borrowed(name)
    arrays = data(name, 100)
    index = np.random.default_rng(1).permutation(100).astype(np.int64)
    context = Context(library, TRAIN, 8, *sizes(name))
    loss = np.zeros(1, "float32")
    context.ok("train_steps", index, len(index), 8, 100, *sizes(name), *arrays, loss)
    model.steps().train(arrays, index, 8)
    assert context.params().tobytes() == flat_weights(model).tobytes()
    assert context.metrics() == [value for _, value in model._objective.results()]
    rate = np.zeros(1, "float32")
    context.ok("get_lr", rate)
    assert rate[0] == np.float32(model.optimizer.learning_rate)
    model.save_weights(tmp_path / "python.weights.h5")
    same_state(context, model, tmp_path)


def same_state(context: Context, model, directory) -> None:
    """Each array of the context's checkpoint is as Python's own file has it."""
    from fncompile.saving.files import read_file

    context.ok("save", str(directory / "c.weights.h5").encode())
    ours, theirs = read_file(directory / "c.weights.h5"), read_file(directory / "python.weights.h5")
    assert dict(ours.datasets()).keys() == dict(theirs.datasets()).keys()
    for path, array in theirs.datasets():
        assert ours[path].dtype == array.dtype and ours[path].tobytes() == array.tobytes(), path


@pytest.mark.parametrize("name", TRAINED)
def test_single_steps_are_the_same_as_a_stretch(exported, name):
    _, library = exported(name)
    arrays = data(name, 24)
    stretch, single = (Context(library, TRAIN, 8, *sizes(name)) for _ in range(2))
    stretch.ok("train_steps", np.arange(24), 24, 8, 24, *sizes(name), *arrays, None)
    for start in range(0, 24, 8):
        single.ok("train_step", 8, *sizes(name), *(a[start : start + 8] for a in arrays), None)
    assert stretch.params().tobytes() == single.params().tobytes()
    assert stretch.metrics() == single.metrics()


def test_evaluation_is_python_s(exported):
    model, library = exported("classifier")
    x, y = data("classifier", 50)
    expected = model.evaluate(x, y, batch_size=16, verbose=0)
    model._objective.reset()
    context = Context(library, TRAIN, 16)
    before = context.params()
    context.ok("eval_steps", np.arange(50), 50, 16, 50, x, y, None)
    assert context.metrics() == expected
    assert context.params().tobytes() == before.tobytes()
    context.ok("reset_metrics")
    assert context.metrics() == [0, 0]


def test_metrics_begin_anew_in_the_library(tmp_path):
    """What the model's metrics had seen before the export does not count, and stays with the
    model."""
    model = MAKERS["fixed_batch"]()
    x, y = data("fixed_batch", 32)
    model.fit(x, y, batch_size=4, verbose=0)
    before = model._objective.results()
    library = Library(model.export(tmp_path, march=flag("target")))
    assert model._objective.results() == before and before[0][1] > 0
    assert Context(library, TRAIN).metrics() == [0]


def test_a_fixed_batch_trains_like_python(borrowed):
    model, library = borrowed("fixed_batch")
    x, y = data("fixed_batch", 4)
    context = Context(library, TRAIN)
    context.ok("train_step", 4, x, y, None)
    model.train_on_batch(x, y)
    assert context.params().tobytes() == flat_weights(model).tobytes()


def test_sample_weights(tmp_path):
    model = MAKERS["scheduled"]()
    library = Library(model.export(tmp_path, sample_weight=True, march=flag("target")))
    x, y = data("scheduled", 16)
    w = np.random.default_rng(3).random(16).astype("float32")
    context = Context(library, TRAIN, 16)
    context.ok("train_step", 16, x, y, w, None)
    model.steps().train([x, y, w], np.arange(16), 16)
    assert context.params().tobytes() == flat_weights(model).tobytes()


def test_targets_have_the_types_of_the_last_fit():
    x = fncompile.Input((6,), name="x")
    model = fncompile.Model(x, fncompile.layers.Dense(8, name="y")(x), name="classes")
    model.compile("sgd", fncompile.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert "const int32_t *target" in make_sources(model, "classes", True).header
    model.fit(np.zeros((4, 6)), np.zeros(4, "uint8"), verbose=0)
    assert "const uint8_t *target" in make_sources(model, "classes", True).header


def test_float64(tmp_path):
    from fncompile.config import floatx, set_floatx

    before = floatx()
    set_floatx("float64")
    try:
        x = fncompile.Input((6,), name="x")
        model = fncompile.Model(x, fncompile.layers.Dense(8)(x), name="doubles")
        model.compile("sgd", "mse")
        library = Library(model.export(tmp_path, march=flag("target")))
        assert "const double *x" in library.text and "double *loss" in library.text
        array, context = np.random.default_rng(0).random((3, 6)), Context(library, PREDICT, 3)
        out = np.empty((3, 8))
        context.ok("predict", 3, array, out)
        assert out.tobytes() == model.predict(array, verbose=0).tobytes()
    finally:
        set_floatx(before)


def test_another_prefix_gives_the_same_numbers(exported, tmp_path):
    model, _ = exported("plain")
    library = Library(model.export(tmp_path, prefix="other", march=flag("target")))
    assert library.prefix == "other" != model_prefix(model.name)
    x = data("plain", 3)[0]
    expected = model.predict(x, verbose=0)
    for got, want in zip(predict(library, "plain", [x], expected), expected, strict=True):
        assert got.tobytes() == want.tobytes()


def test_infinity_and_nan_pass_through(exported):
    model, library = exported("plain")
    x = np.zeros((3, 6), "float32")
    x[0, 2], x[1, 3] = np.nan, np.inf
    expected = model.predict(x, verbose=0)
    found = predict(library, "plain", [x], expected)
    assert np.isnan(found[0][0]).all() and found[0].tobytes() == expected[0].tobytes()


def test_any_number_of_threads_gives_the_same_bits(tmp_path):
    """Steps too small to share are shared all the same, so that this test is about something."""
    with fncompile.flags(cflags="-DFNC_LEAST_WORK=1 -DFNC_LEAST_STEP=1"):
        model = MAKERS["classifier"]()
        library = Library(model.export(tmp_path, march=flag("target")))
        x, y = data("classifier", 150)
        index = np.arange(150, dtype=np.int64)[::-1].copy()
        found = []
        for threads in (1, 2, 7, 1):
            context, out = Context(library, TRAIN, 64), np.empty((64, 10), "float32")
            for count in (5, threads, threads):  # the last number asked for is what counts
                context.ok("set_threads", count)
            context.ok("train_steps", index, 150, 64, 150, x, y, None)
            context.ok("train_step", 33, x, y, None)
            context.ok("predict", 64, x, out)
            found.append((context.checkpoint(), out.tobytes()))
            library.destroy(context.pointer)
        assert found[0] == found[1] == found[2] == found[3]
