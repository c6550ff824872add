"""Real Keras opens what we write and predicts the same; we open what it writes.

Keras runs in a process of its own, with its NumPy backend, once for all models.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fncompile
from fncompile.saving.files import read_file

from . import zoo

_NEEDED = ("keras", "h5py", "scipy", "jax")  # Keras' NumPy backend imports the last two
_MISSING = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(_MISSING), reason=f"the oracle needs {_MISSING}")

FORMATS = ("keras", "h5", "weights.h5")
CASES = [(name, suffix) for name in zoo.BUILDERS for suffix in FORMATS]
CASES += [(zoo.SHARDED, "weights.json"), (zoo.SHARDED, "directory")]


def run_keras(what: str, directory: Path) -> None:
    script = Path(__file__).with_name("keras_oracle.py")
    done = subprocess.run(
        [sys.executable, str(script), what, str(directory)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def compiled(name: str):
    model, inputs = zoo.BUILDERS[name](fncompile)
    optimizer = list(zoo.optimizers(fncompile).values())[list(zoo.BUILDERS).index(name) % 4]
    model.compile(optimizer, loss="mse", metrics=[] if name == "branches" else ["mae"])
    return model, inputs


def compare(name, model, inputs, found, optimizer: bool = True) -> None:
    for i, value in enumerate(zoo.flat(model(inputs, training=False))):
        atol = zoo.tolerance(name)
        np.testing.assert_allclose(value, found[f"output{i}"], atol=atol, rtol=1e-5)
    for i, variable in enumerate(model.weights):
        np.testing.assert_array_equal(np.asarray(variable), found[f"weight{i}"])
    for i, variable in enumerate(model.optimizer.variables if optimizer else []):
        np.testing.assert_array_equal(np.asarray(variable), found[f"optimizer{i}"])


@pytest.fixture(scope="module")
def written_by_us(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ours")
    models = {}
    for name in zoo.BUILDERS:
        model, _ = models[name] = compiled(name)
        zoo.fill(model)
        model.save(directory / f"{name}.keras")
        model.save(directory / f"{name}.h5")
        model.save_weights(directory / f"{name}.weights.h5")
        if name == zoo.SHARDED:
            zoo.save_in_parts(model, directory)
    run_keras("read", directory)
    return directory, models


@pytest.fixture(scope="module")
def written_by_keras(tmp_path_factory):
    directory = tmp_path_factory.mktemp("theirs")
    run_keras("save", directory)
    return directory


@pytest.mark.parametrize(("name", "suffix"), CASES)
def test_keras_opens_our_files(written_by_us, name, suffix):
    directory, models = written_by_us
    if (name, suffix) == ("operators", "h5"):
        assert "Mean" in read_file(directory / "operators.h5").attrs["model_config"]
        return  # Keras itself does not find functions of `ops` when it reads `.h5` files
    found = np.load(directory / f"{name}.{suffix}.npz")
    # Reading `.h5`, Keras builds the optimizer without variables and so drops its state.
    compare(name, *models[name], found, optimizer=suffix != "h5")


@pytest.mark.parametrize(("name", "suffix"), CASES)
def test_we_open_keras_files(written_by_keras, name, suffix):
    found = np.load(written_by_keras / f"{name}.npz")
    path = written_by_keras / f"{name}.{suffix}"
    if suffix.startswith("weights."):
        model, inputs = compiled(name)
        model.optimizer.build(model.trainable_variables)
        model.load_weights(path)
    else:
        model, inputs = (
            fncompile.models.load_model(path, zoo.custom_objects(fncompile)),
            zoo.BUILDERS[name](fncompile)[1],
        )
    compare(name, model, inputs, found)
