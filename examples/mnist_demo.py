"""The whole way once: build, train, save, resume in another process, export, link from C.

    python examples/mnist_demo.py [directory]        (by default build/demo)

Trains a 784-64-64-10 network on handwritten digits and shows, bit for bit, that training which was
saved and resumed ends where uninterrupted training ends, and that a C program which links the
exported library predicts and trains as Python does. `make demo` runs it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import fncompile
from fncompile import layers
from fncompile.runtime.toolchain import find_compiler

EPOCHS, STOP_AFTER, BATCH = 12, 8, 64
FIT = {"batch_size": BATCH, "validation_split": 0.1}
NATIVE = Path(__file__).resolve().parent / "native" / "digits.c"


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    train_data, test_data = digits()
    title("A network, compiled to C for itself alone")
    model = build_model(len(train_data[0]))
    model.summary()
    first_call(model, test_data[0])
    title(f"Training for {STOP_AFTER} of {EPOCHS} epochs, then saving")
    timed("training", lambda: model.fit(*train_data, epochs=STOP_AFTER, **FIT))
    half, final = directory / "half_trained.keras", directory / "mnist_model.keras"
    model.save(half)
    title("Resuming in a new process")
    subprocess.run([sys.executable, __file__, "--resume", str(half), str(final)], check=True)
    trained = fncompile.models.load_model(final)
    check_resumed(model, trained, train_data)
    title("Test digits")
    _, accuracy = trained.evaluate(*test_data, verbose=2)
    title("Exporting, and linking from C")
    bundle = timed("export", lambda: trained.export(directory / "native"))
    program = compile_program(directory, bundle)
    run_program(directory, program, trained, test_data)
    summary(directory, accuracy)


def digits() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Training and test digits: images as 784 floats from 0 to 1, labels as int32."""
    (x_train, y_train), (x_test, y_test) = fncompile.datasets.mnist.load_data()
    print(f"{len(x_train)} training digits, {len(x_test)} test digits")
    return (pixels(x_train), y_train.astype("int32")), (pixels(x_test), y_test.astype("int32"))


def pixels(images: np.ndarray) -> np.ndarray:
    return (images.reshape(-1, 784) / 255).astype("float32")


def build_model(rows: int) -> fncompile.Model:
    fncompile.utils.set_random_seed(1)
    inputs = fncompile.Input(shape=(784,), name="img")
    x = layers.Dense(64, activation="relu")(inputs)
    x = layers.Dense(64, activation="relu")(x)
    outputs = layers.Dense(10, activation="softmax", name="digit")(x)
    model = fncompile.Model(inputs, outputs, name="mnist_model")
    steps = EPOCHS * int(rows * 0.9) // BATCH
    rate = fncompile.optimizers.schedules.CosineDecay(0.004, steps, alpha=0.02)
    optimizer = fncompile.optimizers.RMSprop(rate)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def first_call(model: fncompile.Model, images: np.ndarray) -> None:
    timed("first prediction, compiling", lambda: model.predict(images[:1], verbose=0))
    calls = 2000
    start = time.perf_counter()
    for _ in range(calls):
        model(images[:1])
    each = (time.perf_counter() - start) / calls
    print(f"  calling the model on one digit: {each * 1e6:.1f} microseconds")


def resume(source: str, target: str) -> None:
    """The other process: load, train the epochs that are left, save."""
    train_data, _ = digits()
    model = fncompile.models.load_model(source)
    model.fit(*train_data, initial_epoch=STOP_AFTER, epochs=EPOCHS, **FIT)
    model.save(target)


def check_resumed(model: fncompile.Model, resumed: fncompile.Model, train_data: tuple) -> None:
    model.fit(*train_data, initial_epoch=STOP_AFTER, epochs=EPOCHS, verbose=0, **FIT)
    same = all(map(np.array_equal, model.get_weights(), resumed.get_weights()))
    verdict("resumed and uninterrupted training end with the same weights, bit for bit", same)


def compile_program(directory: Path, bundle) -> Path:
    program = directory / "digits"
    command = [
        *find_compiler(), "-O2", "-std=c99", "-Wall", "-Wextra", "-pedantic",
        f"-I{bundle.directory}", str(NATIVE), "-o", str(program),
        f"-L{bundle.directory}", f"-l{bundle.prefix}", "-lm",
        f"-Wl,-rpath,{bundle.directory.resolve()}",
    ]  # fmt: skip
    print("  " + " ".join(command))
    subprocess.run(command, check=True)
    return program


def run_program(directory: Path, program: Path, model: fncompile.Model, test_data: tuple) -> None:
    """Run the C program on the test digits, and do the same in Python."""
    images, labels = test_data
    names = ("images.f32", "labels.i32", "probabilities.f32", "trained_in_c.weights.h5")
    paths = [directory / name for name in names]
    images.tofile(paths[0])
    labels.tofile(paths[1])
    subprocess.run([str(program.resolve()), *map(str, paths)], check=True)
    probabilities = np.fromfile(paths[2], "float32").reshape(-1, 10)
    same = np.array_equal(probabilities, model.predict(images, batch_size=BATCH, verbose=0))
    verdict("C and Python predict the same probabilities, bit for bit", same)
    model.fit(images, labels, batch_size=BATCH, shuffle=False, verbose=0)
    trained_in_python = model.get_weights()
    model.load_weights(paths[3])
    same = all(map(np.array_equal, trained_in_python, model.get_weights()))
    verdict("C and Python train to the same weights, bit for bit", same)


# telling ------------------------------------------------------------------------------------------


def title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def timed(what: str, action):
    start = time.perf_counter()
    result = action()
    print(f"  {what}: {time.perf_counter() - start:.2f} seconds", flush=True)
    return result


def verdict(what: str, holds: bool) -> None:
    if not holds:
        sys.exit(f"FAILED: {what}")
    print(f"  {what}", flush=True)


def summary(directory: Path, accuracy: float) -> None:
    title(f"Test accuracy {accuracy:.2%}. Files")
    for path in sorted(p for p in directory.rglob("*") if p.is_file()):
        print(f"  {path}  ({path.stat().st_size:,} bytes)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--resume"]:
        resume(*sys.argv[2:4])
    else:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo"))
