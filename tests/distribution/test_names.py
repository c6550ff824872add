"""The names of `fncompile.distribution` in one process, and without MPI."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from fncompile import distribution
from fncompile.distribution.processes import _add_rows


def test_a_mesh_and_its_layouts():
    mesh = distribution.DeviceMesh((1,), ["batch"], ["cpu:0"])
    assert mesh.shape == (1,) and mesh.axis_names == ["batch"] and mesh.devices[0] == "cpu:0"
    parallel = distribution.DataParallel(mesh)
    assert parallel.device_mesh is mesh and parallel.batch_dim_name == "batch"
    assert parallel.get_data_layout((8, 3)).axes == ("batch", None)
    assert parallel.get_variable_layout(np.ones((2, 3))).axes == (None, None)
    assert parallel.get_tensor_layout("anything") is None
    assert parallel.distribute_dataset(mesh) is mesh


def test_a_layout_takes_its_mesh_once():
    layout = distribution.TensorLayout(("batch", None))
    mesh = distribution.DeviceMesh((1,), ["batch"])
    layout.device_mesh = mesh
    with pytest.raises(ValueError, match="Cannot override device mesh"):
        layout.device_mesh = mesh


@pytest.mark.parametrize(("make", "message"), [
    (lambda: distribution.DeviceMesh((), []), "cannot be empty"),
    (lambda: distribution.DeviceMesh((1, 1), ["batch"]), "should have same size"),
    (lambda: distribution.DeviceMesh((2,), ["batch"]), "does not match the number of devices"),
    (lambda: distribution.TensorLayout(("model",), distribution.DeviceMesh((1,), ["batch"])),
     "Invalid axis names"),
    (lambda: distribution.DataParallel("cpu:0"), "an instance of `DeviceMesh`"),
    (lambda: distribution.DataParallel(devices=["cpu:0", "cpu:1"]), "Every process of the job"),
    (lambda: distribution.set_distribution("all"), "Expected a `DataParallel` or None"),
])
def test_misuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_scope_ends():
    parallel = distribution.DataParallel()
    with parallel.scope():
        assert distribution.distribution() is parallel
    assert distribution.distribution() is None


def test_model_parallel_is_refused_in_words():
    with pytest.raises(AttributeError, match="`distribution.DataParallel` shares the batch out"):
        distribution.ModelParallel  # noqa: B018


def test_sums_are_made_from_the_first_to_the_last():
    rows = np.float32([[1e8], [1.0], [-1e8], [1.0]])
    out = np.empty(1, "f4")
    _add_rows(rows, out)
    assert out[0] == np.float32(np.float32(np.float32(1e8 + 1) - np.float32(1e8)) + 1)
    _add_rows(rows, rows[0])
    assert rows[0, 0] == out[0]


def test_without_mpi4py_it_says_what_to_install():
    code = (
        "import sys; sys.modules['mpi4py'] = None\nimport fncompile\n"
        "try: fncompile.distribution.initialize()\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'fncompile[mpi]'" in done.stdout and "openmpi-bin" in done.stdout


def test_one_process_without_a_launcher_needs_no_mpi():
    code = (
        "import sys; sys.modules['mpi4py'] = None\nimport fncompile\n"
        "parallel = fncompile.distribution.DataParallel()\n"
        "fncompile.distribution.set_distribution(parallel)\n"
        "print(parallel.num_processes, fncompile.distribution.list_devices())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1 ['cpu:0']\n"
