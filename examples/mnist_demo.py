"""The whole way once: build, train, save, go on in another process, export, link from C.

    python examples/mnist_demo.py [--directory build/demo] [--epochs 10]

Digits are the sample that comes with fncompile, or full MNIST where FNC_DATA_DIR points to it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import fncompile
from fncompile import layers

HERE = Path(__file__).resolve().parent
BATCH = 32


def build() -> fncompile.Model:
    """784-64-64-10, as in the README."""
    inputs = fncompile.Input(shape=(784,), name="img")
    x = layers.Dense(64, activation="relu")(inputs)
    x = layers.Dense(64, activation="relu")(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    model = fncompile.Model(inputs, outputs, name="mnist_model")
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def digits() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Images as float32 rows in [0, 1], labels as they are."""
    train, test = fncompile.datasets.mnist.load_data()
    return tuple((x.reshape(-1, 784).astype("float32") / 255, y) for x, y in (train, test))  # type: ignore[return-value]


def say(title: str) -> None:
    print(f"\n== {title}", flush=True)


def train(path: Path, stop: int) -> None:
    """Train up to epoch `stop` and save."""
    fncompile.utils.set_random_seed(7)
    (x, y), _ = digits()
    model = build()
    model.summary()
    start = time.perf_counter()
    model.fit(x, y, batch_size=BATCH, epochs=stop)
    print(f"{stop} epochs of {len(x)} digits in {time.perf_counter() - start:.2f} s, compiling included")
    model.save(path)
    print(f"saved: {path}")


def resume(path: Path, start: int, stop: int) -> None:
    """Load what was saved and go on to epoch `stop`; this runs in a process of its own."""
    (x, y), _ = digits()
    model = fncompile.models.load_model(path)
    print(f"process {os.getpid()} goes on after {int(model.optimizer.iterations)} steps")
    model.fit(x, y, batch_size=BATCH, initial_epoch=start, epochs=stop)
    model.save(path)


def run_elsewhere(*arguments: str) -> None:
    subprocess.run([sys.executable, str(Path(__file__).resolve()), *arguments], check=True)


def link(directory: Path, bundle: fncompile.export.Bundle) -> Path:
    """Compile digits.c against the exported library; gives the program."""
    program = directory / "digits"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    paths = [f"-I{bundle.directory}", f"-L{bundle.directory}", f"-Wl,-rpath,{bundle.directory.resolve()}"]
    command = [*compiler, "-O2", str(HERE / "native" / "digits.c"), *paths, "-lmnist_model", "-lm", "-o", str(program)]
    print("$ " + shlex.join(command))
    subprocess.run(command, check=True)
    return program


def compare(directory: Path, program: Path, model: fncompile.Model, x: np.ndarray, y: np.ndarray) -> None:
    """Run the C program on the test digits; exits with an error unless it agrees bit for bit."""
    images, labels, output = (directory / name for name in ("images.f32", "labels.u8", "c.f32"))
    x.tofile(images)
    y.astype("uint8").tofile(labels)
    subprocess.run([str(program), str(images), str(labels), str(output)], check=True)
    native = np.fromfile(output, "float32").reshape(-1, 10)
    python = model.predict(x, batch_size=len(x), verbose=0)
    if native.tobytes() != python.tobytes():
        sys.exit(f"C and Python differ by up to {np.abs(native - python).max()}")
    print(f"C and Python agree bit for bit on {native.size} probabilities")


def demo(directory: Path, epochs: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    path, stop = directory / "mnist_model.keras", max(epochs - 3, 1)
    say("train, with a live progress bar, and save")
    train(path, stop)
    say("load in a new process and go on training")
    run_elsewhere("--directory", str(directory), "--resume", f"{stop}:{epochs}")
    say("evaluate")
    _, (x, y) = digits()
    model = fncompile.models.load_model(path)
    loss, accuracy = model.evaluate(x, y, verbose=2)
    print(f"test accuracy {accuracy:.4f}, loss {loss:.4f}")
    say("export, and link from C")
    start = time.perf_counter()
    bundle = model.export(directory / "native")
    print(f"exported in {time.perf_counter() - start:.2f} s")
    program = link(directory, bundle)
    compare(directory, program, model, x, y)
    say("files")
    for file in sorted(p for p in directory.rglob("*") if p.is_file()):
        print(f"{file.stat().st_size:>9,} bytes  {file}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, default=Path("build/demo"))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--resume", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.resume:
        start, stop = map(int, options.resume.split(":"))
        resume(options.directory / "mnist_model.keras", start, stop)
    else:
        demo(options.directory, options.epochs)


if __name__ == "__main__":
    main()
