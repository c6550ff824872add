"""Load the anomaly detector of MLPerf Tiny, export it, train it in C, and open what C learnt."""

import subprocess
import sys
from pathlib import Path

import numpy as np

import fncompile

HERE, MODEL = Path(__file__).parent, Path(sys.argv[1])
BUILD = Path(sys.argv[2] if len(sys.argv) > 2 else "build")

model = fncompile.models.load_model(MODEL)
model.compile(fncompile.optimizers.Adam(0.001), "mean_squared_error")
bundle = model.export(BUILD, prefix="anomaly")

size = model.inputs[0].shape[-1]
program = BUILD / "anomaly"
subprocess.run(
    ["cc", "-std=c99", "-O2", f"-DFRAME={size}", str(HERE / "anomaly.c"), f"-I{BUILD}",
     str(bundle.static), "-lm", "-pthread", "-o", str(program)],
    check=True,
)  # fmt: skip

rng = np.random.default_rng(0)  # in place of a microphone: the hum of one machine
hum = np.sin(np.arange(size) / 9) * 3 - 20
frames = (hum + rng.normal(0, 0.5, (512, size))).astype("float32")
frames.tofile(BUILD / "frames.f32")


def error() -> float:
    restored = model.predict(frames, batch_size=32, verbose=0).astype("float64")
    return float(np.mean((restored - frames) ** 2))


print(f"Python: before {error():.6f}")
adapted = BUILD / "adapted.weights.h5"
done = subprocess.run(
    [program, BUILD / "frames.f32", adapted], text=True, capture_output=True, check=True
)
print("".join(f"C: {line}\n" for line in done.stdout.splitlines()), end="")
model.load_weights(adapted)
print(f"Python: after {error():.6f}")
