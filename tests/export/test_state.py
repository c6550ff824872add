"""Stateful models as libraries: streams, block by block, that continue where Python's calls do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops
from fncompile.flags import flag
from tests.export.library import ARG, PREDICT, Context, Library, build_selftest
from tests.export.test_programs import STRICT
from tests.tools import emulated_target, need, run

HERE = Path(__file__).parent


class StreamedConv1D(layers.Layer):
    """A causal convolution of a stream: the samples that it reaches back to are a variable."""

    def __init__(self, filters, size, dilation, **options):
        super().__init__(**options)
        self.reach = (size - 1) * dilation
        self.conv = layers.Conv1D(filters, size, dilation_rate=dilation, name="conv")

    def build(self, shape):
        past = (shape[0], self.reach, shape[-1])
        self.past = self.add_weight(shape=past, initializer="zeros", trainable=False, name="past")
        self.conv.build((shape[0], None, shape[-1]))

    def call(self, x):
        whole = ops.concatenate([self.past, x], axis=1)
        self.past.assign(whole[:, ops.shape(x)[1] :])
        return self.conv(whole)

    def reset_state(self):
        self.past.assign(np.zeros(self.past.shape))


def streaming(compiled: bool):
    """Blocks of any length of one stream of two channels."""
    x = fncompile.Input(batch_shape=(1, None, 2), name="sound")
    y = layers.LSTM(3, stateful=True, return_sequences=True, name="lstm")(x)
    y = StreamedConv1D(4, 3, 2, name="reach")(y)
    if compiled:
        model = fncompile.Model(x, y, name="stream")
        model.compile(fncompile.optimizers.SGD(0.01), "mse")
        return model
    y = layers.GRU(5, stateful=True, return_sequences=True, name="gru")(y)
    return fncompile.Model(x, layers.Dense(2, name="out")(y), name="stream")


def sound(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((1, length, 2)).astype("float32")


def reset(model) -> None:
    for layer in model.layers:
        if hasattr(layer, "reset_state"):
            layer.reset_state()


def blocks(x: np.ndarray, *lengths: int) -> list[np.ndarray]:
    return [np.ascontiguousarray(b) for b in np.split(x, np.cumsum(lengths)[:-1], axis=1)]


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    model = streaming(False)
    model.predict(sound(4, 9), verbose=0)  # so that it is exported in the middle of a stream
    return model, model.export(tmp_path_factory.mktemp("stream"), march=flag("target"))


def test_blocks_in_python_are_the_whole():
    """By the layer's own convolution over all samples, padded with what comes before any."""
    model = streaming(False)
    x = sound(12)
    whole = model.predict(x, verbose=0)
    reset(model)
    parts = [model.predict(b, verbose=0) for b in blocks(x, 5, 1, 6)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-6)

    reset(model)
    lstm, reach, gru, out = model.layers[1:]
    reach.conv.padding = "causal"
    y = np.asarray(lstm(x))
    y = np.pad(y, ((0, 0), (4, 0), (0, 0)))
    kernel, bias = (v.numpy() for v in reach.conv.weights)
    conv = sum(y[:, 2 * k : 2 * k + 12] @ kernel[k] for k in range(3)) + bias
    by_hand = np.asarray(out(gru(conv.astype("float32"))))
    np.testing.assert_allclose(whole, by_hand, atol=1e-5)


def test_a_library_continues_the_stream_with_the_same_bits(stream):
    model, bundle = stream
    library = fncompile.load_library(bundle.directory)
    for block in blocks(sound(9, 1), 1, 1, 4, 3):  # the context grows on the way
        assert library.predict(block).tobytes() == model.predict(block, verbose=0).tobytes()
    reset(model)
    library.reset_state()
    before = library.get_state()
    for block in blocks(sound(6, 2), 2, 4):
        assert library.predict(block).tobytes() == model.predict(block, verbose=0).tobytes()
    library.set_state(before)
    reset(model)
    x = sound(3, 3)
    assert library.predict(x).tobytes() == model.predict(x, verbose=0).tobytes()
    with pytest.raises(ValueError, match="bytes, as get_state"):
        library.set_state(before[:-1])


def test_each_context_is_a_stream(stream):
    _, bundle = stream
    library, x = Library(bundle), sound(1)
    one, other = (Context(library, PREDICT, 1) for _ in range(2))
    out = [np.empty((1, 1, 2), "float32") for _ in range(4)]
    one.ok("predict", 1, 1, x, out[0])
    one.ok("predict", 1, 1, x, out[1])
    other.ok("predict", 1, 1, x, out[2])
    assert out[0].tobytes() == out[2].tobytes() != out[1].tobytes()
    state = np.empty(library.state_size(), np.uint8)
    assert state.nbytes == int(library.macro("STATE_BYTES"))
    one.ok("state_get", state, state.nbytes)
    other.ok("state_set", state, state.nbytes)
    one.ok("predict", 1, 1, x, out[0])
    other.ok("predict", 1, 1, x, out[3])
    assert out[0].tobytes() == out[3].tobytes()
    for name in ("state_get", "state_set"):
        assert one.call(name, state, state.nbytes - 1) == ARG
        assert one.call(name, None, state.nbytes) == ARG
    one.ok("state_reset")
    other.ok("state_reset")
    one.ok("predict", 1, 1, x, out[0])
    other.ok("predict", 1, 1, x, out[1])
    assert out[0].tobytes() == out[1].tobytes()


def test_training_carries_and_keeps_the_state(tmp_path):
    """As Python's: steps go on from where the last call ended, and checkpoints have what is a
    weight of it."""
    model = streaming(True)
    model.fit(sound(4), np.tile(sound(4, 9), 2), batch_size=1, verbose=0)
    bundle = model.export(tmp_path / "lib", march=flag("target"))
    library = fncompile.load_library(bundle.directory)
    assert library.predict(sound(1)).tobytes() == model.predict(sound(1), verbose=0).tobytes()
    for seed in range(3):
        x, y = sound(4, seed), np.tile(sound(4, seed + 10), 2)
        model.fit(x, y, batch_size=1, verbose=0)
        library.fit(x, y, batch_size=1)
        assert library.predict(x).tobytes() == model.predict(x, verbose=0).tobytes()
    library.save_weights(tmp_path / "c.weights.h5")
    past = model.get_layer("reach").past
    kept = past.numpy()
    reset(model)
    model.load_weights(tmp_path / "c.weights.h5")
    np.testing.assert_array_equal(past.numpy(), kept)
    assert np.abs(kept).max() > 0
    assert run(build_selftest(bundle, bundle.static, tmp_path / "selftest")) == "passed\n"


def test_the_header_says_so_and_the_selftest_passes(stream, tmp_path):
    _, bundle = stream
    for text in (bundle.header.read_text(), bundle.readme.read_text()):
        assert "The model is stateful" in text
    assert "state_reset" in bundle.wrapper.read_text()
    for source in (bundle.selftest, bundle.example):
        program = tmp_path / source.stem
        run("cc", *STRICT, source, f"-I{bundle.directory}", bundle.static, "-lm", "-pthread", "-o",
            program)  # fmt: skip
        run(program)


def test_streaming_makes_no_system_call_allocation_or_lock(stream, tmp_path):
    _, bundle = stream
    program, names = tmp_path / "streaming", ("malloc", "calloc", "free", "pthread_mutex_lock")
    run("cc", "-std=gnu99", *STRICT[2:], HERE / "streaming.c", f"-I{bundle.directory}",
        bundle.static, "-lm", "-pthread", *(f"-Wl,--wrap={n}" for n in names), "-o",
        program)  # fmt: skip
    done = subprocess.run([program], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("this system has no seccomp")
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_streaming_under_valgrind(tmp_path):
    need("valgrind")
    bundle = streaming(False).export(tmp_path / "lib", march=emulated_target())
    program = tmp_path / "selftest"
    run("cc", *STRICT, "-g", bundle.selftest, f"-I{bundle.directory}", bundle.static, "-lm",
        "-pthread", "-o", program)  # fmt: skip
    assert "passed" in run("valgrind", "-q", "--error-exitcode=9", "--leak-check=full", program)


def test_a_random_layer_has_a_seed_in_each_context(tmp_path):
    """Noise that is always on: its seed is state, of which each stream draws."""

    class Noise(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.seeds = fncompile.random.SeedGenerator(3)

        def call(self, x):
            return x + fncompile.random.normal(ops.shape(x), seed=self.seeds)

    x = fncompile.Input((8,), name="x")
    model = fncompile.Model(x, Noise(name="always")(x), name="chance")
    library = fncompile.load_library(model.export(tmp_path, march=flag("target")).directory)
    ones = np.ones((2, 8), "float32")
    draws = [library.predict(ones) for _ in range(3)]
    assert draws[0].tobytes() != draws[1].tobytes() != draws[2].tobytes()
    for draw in draws:
        assert draw.tobytes() == model.predict(ones, verbose=0).tobytes()


def test_models_without_state_have_no_functions_for_it(tmp_path):
    model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)], name="plain_one")
    bundle = model.export(tmp_path, march=flag("target"))
    assert "state_" not in bundle.header.read_text().replace("state of", "")
    library = fncompile.load_library(tmp_path)
    library.reset_state()
    assert library.get_state().size == 0
