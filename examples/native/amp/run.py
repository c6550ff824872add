"""Learn an amplifier, export it as a stream, play a guitar through it in C."""

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np

import fncompile
from fncompile import layers, ops

HERE, RATE = Path(__file__).parent, 48_000
KIND = sys.argv[1] if len(sys.argv) > 1 else "lstm"
BUILD = Path(sys.argv[2] if len(sys.argv) > 2 else "build")
SECONDS, EPOCHS = (float(sys.argv[3]), int(sys.argv[4])) if len(sys.argv) > 4 else (4.0, 30)
DILATIONS = (1, 2, 4, 8, 16, 32)
BUILD.mkdir(parents=True, exist_ok=True)
fncompile.utils.set_random_seed(1)


def guitar(seconds: float, seed: int) -> np.ndarray:
    """Plucked strings: a burst of noise that goes round a delay and loses its highs."""
    rng, count = np.random.default_rng(seed), int(seconds * RATE)
    sound = np.zeros(count)
    for start in range(0, count, RATE // 4):
        period, length = int(rng.integers(110, 440)), min(RATE, count - start)
        string = rng.uniform(-1, 1, period)
        for at in range(0, length, period):
            sound[start + at : start + at + period] += string[: length - at]
            string = 0.498 * (string + np.roll(string, 1))
    return np.round(sound / np.abs(sound).max() * 32767) / 32768  # as a file of 16 bits has it


def amplifier(x: np.ndarray) -> np.ndarray:
    """Bass off, a valve that bends one side earlier than the other, treble off."""
    y, low, out = np.empty_like(x), 0.0, 0.0
    for i, value in enumerate(x):
        low += 0.02 * (value - low)
        driven = np.tanh(4.0 * (value - low) + 0.3) - 0.29
        out += 0.35 * (driven - out)
        y[i] = 0.5 * out
    return y


class StreamedConv1D(layers.Layer):
    """A causal convolution of a stream: the samples that it reaches back to are a variable."""

    def __init__(self, conv: layers.Conv1D, **options):
        super().__init__(**options)
        config = {**conv.get_config(), "padding": "valid"}
        self.conv = layers.Conv1D.from_config(config)
        self.reach = (conv.kernel_size[0] - 1) * conv.dilation_rate[0]

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


def lstm(sound, **options):
    """LSTM(16) and Dense(1)."""
    y = layers.LSTM(16, return_sequences=True, name="lstm", **options)(sound)
    return layers.Dense(1, name="out")(y)


def conv(sound, convolve=lambda layer: layer):
    """Convolutions twice as far apart each time, each added to what it took."""
    y = layers.Dense(8, name="in")(sound)
    for i, dilation in enumerate(DILATIONS):
        layer = layers.Conv1D(8, 3, dilation_rate=dilation, padding="causal", activation="tanh",
                              name=f"conv{i}")  # fmt: skip
        y = layers.add([y, convolve(layer)(y)])
    return layers.Dense(1, name="out")(y)


def trained() -> fncompile.Model:
    """On windows of sound, each from silence; the first samples of a window do not count."""
    x = fncompile.Input((None, 1), name="sound")
    model = fncompile.Model(x, (lstm if KIND == "lstm" else conv)(x), name="amp_training")
    model.compile(fncompile.optimizers.Adam(0.01), "mse")
    sound = guitar(SECONDS, 0)
    wanted, size = amplifier(sound), 512
    inputs, targets = (a[: len(a) // size * size].reshape(-1, size, 1) for a in (sound, wanted))
    history = model.fit(inputs, targets, batch_size=16, epochs=EPOCHS, verbose=0).history
    print(f"loss {history['loss'][0]:.5f}, after {EPOCHS} epochs {history['loss'][-1]:.5f}")
    return model


def streaming(model: fncompile.Model) -> fncompile.Model:
    """The same weights for blocks of any length of one stream."""
    x = fncompile.Input(batch_shape=(1, None, 1), name="sound")
    y = lstm(x, stateful=True) if KIND == "lstm" else conv(x, StreamedConv1D)
    stream = fncompile.Model(x, y, name="amp")
    for old, new in zip(model.layers, stream.layers, strict=True):
        getattr(new, "conv", new).set_weights(old.get_weights())
    return stream


stream = streaming(trained())
bundle = stream.export(BUILD, march="native")
program = BUILD / "amp"
subprocess.run(
    ["cc", "-std=c99", "-O2", str(HERE / "amp.c"), f"-I{BUILD}", str(bundle.static), "-lm",
     "-pthread", "-o", str(program)],
    check=True,
)  # fmt: skip

played = guitar(min(SECONDS, 2.0), 7)
with wave.open(str(BUILD / "in.wav"), "wb") as file:
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(RATE)
    file.writeframes((played * 32768).astype("<i2").tobytes())

wanted = amplifier(played)
library = fncompile.load_library(BUILD)
for block in (64, 1):
    command = [program, BUILD / "in.wav", BUILD / "out.wav", str(block)]
    done = subprocess.run(command, text=True, capture_output=True, check=True)
    heard = np.fromfile(BUILD / "out.wav", "<f4", offset=44)
    error = np.sum((heard - wanted) ** 2) / np.sum(wanted**2)
    library.reset_state()
    for layer in stream.layers:
        if hasattr(layer, "reset_state"):
            layer.reset_state()
    first = played[: 200 * block].astype("float32").reshape(-1, 1, block, 1)
    ours = np.stack([stream.predict(x, verbose=0) for x in first]).ravel()
    loaded = np.stack([library.predict(x) for x in first]).ravel()
    same = np.array_equal(heard[: ours.size], ours) and np.array_equal(ours, loaded)
    print(f"blocks of {block}: {done.stdout.strip()}; error to signal {error:.4f}; "
          f"the same as Python's: {same}")
