"""Export a small model, let C learn it from a stream, and open what it learnt."""

import subprocess
import sys
from pathlib import Path

import numpy as np

import fncompile
from fncompile import layers

HERE, BUILD = Path(__file__).parent, Path(sys.argv[1] if len(sys.argv) > 1 else "build")


def stream(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features, and what follows from them."""
    x = np.random.default_rng(seed).uniform(-1, 1, (count, 3)).astype("float32")
    return x, np.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:]


features = fncompile.Input((3,), name="features")
hidden = layers.Dense(32, activation="tanh")(layers.Dense(32, activation="tanh")(features))
model = fncompile.Model(features, layers.Dense(1, name="value")(hidden), name="forecast")
model.compile(fncompile.optimizers.Adam(0.005), "mse")
bundle = model.export(BUILD)

program = BUILD / "online"
subprocess.run(
    ["cc", "-std=c99", "-O2", str(HERE / "online.c"), f"-I{BUILD}", str(bundle.static), "-lm",
     "-pthread", "-o", str(program)],
    check=True,
)  # fmt: skip

x, y = stream(4000, seed=1)
samples = "\n".join(" ".join(f"{v:.9g}" for v in row) for row in np.hstack([x, y]))
learned = BUILD / "learned.weights.h5"
done = subprocess.run([program, learned], input=samples, text=True, capture_output=True, check=True)
print(done.stdout, end="")

fresh_x, fresh_y = stream(1000, seed=2)
before = model.evaluate(fresh_x, fresh_y, verbose=0)
model.load_weights(learned)
after = model.evaluate(fresh_x, fresh_y, verbose=0)
print(f"Loss on other samples, in Python: {before:.4f} before, {after:.4f} as C has learnt it")
print(f"Steps of training that the optimizer counts: {int(model.optimizer.iterations)}")
model.fit(fresh_x, fresh_y, epochs=2, verbose=0)
