"""Export a small model, let C train it on several ranks, and compare with one process of Python.

    python run.py [directory] [ranks]
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

import fncompile
from fncompile import layers

HERE, BUILD = Path(__file__).parent, Path(sys.argv[1] if len(sys.argv) > 1 else "build")
RANKS = sys.argv[2] if len(sys.argv) > 2 else "2"

fncompile.utils.set_random_seed(1)
features = fncompile.Input((8,), name="features")
hidden = layers.Dense(32, activation="tanh")(features)
model = fncompile.Model(features, layers.Dense(1, name="value")(hidden), name="surface")
model.compile(fncompile.optimizers.Adam(0.01), "mse")
bundle = model.export(BUILD)

program = BUILD / "train"
subprocess.run(
    ["mpicc", "-std=c99", "-O2", str(HERE / "train.c"), f"-I{BUILD}", str(bundle.static), "-lm",
     "-pthread", "-o", str(program)],
    check=True,
)  # fmt: skip

x = np.random.default_rng(1).uniform(-1, 1, (500, 8)).astype("float32")
y = np.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]
np.hstack([x, y]).astype("float32").tofile(BUILD / "samples")

before = model.evaluate(x, y, verbose=0)
learned = BUILD / "learned.weights.h5"
command = ["mpirun", "-n", RANKS, str(program.resolve()), str(BUILD / "samples"), "500"]
done = subprocess.run([*command, str(learned)], text=True, capture_output=True)
sys.exit(done.stderr) if done.returncode else print(done.stdout, end="")

model.fit(x, y, batch_size=48, epochs=4, shuffle=False, verbose=0)
expected, loss = model.get_weights(), model.evaluate(x, y, verbose=0)
model.load_weights(learned)
far = max(abs(a - b).max() for a, b in zip(model.get_weights(), expected))
by_c = model.evaluate(x, y, verbose=0)
print(f"Loss: {before:.4f} before, {by_c:.4f} by C, {loss:.4f} by Python")
print(f"The weights differ by at most {far:.1e}")
