"""The examples of native programs do what their READMEs say, with the commands that stand there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.distribution import mpi
from tests.tools import environment, need, public_model, run

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "examples" / "native"
# one kind of processor: compiling for all of them is tested elsewhere
ENVIRONMENT = environment(PYTHONPATH=str(ROOT), FNC_TARGET="ref")


def run_script(example: str, *arguments: object, cwd: Path) -> str:
    return run(sys.executable, NATIVE / example / "run.py", *arguments, cwd=cwd, env=ENVIRONMENT)


def numbers(pattern: str, text: str) -> list[float]:
    return [float(found) for found in re.findall(pattern, text)]


def test_the_online_learner(tmp_path):
    """Its error falls while it predicts, and Python goes on where it stopped."""
    shown = run_script("online", "build", cwd=tmp_path)
    errors = numbers(r"mean error ([\d.]+)", shown)
    assert len(errors) == 8 and errors[-1] < errors[0] / 2
    before, after = numbers(r"([\d.]+) (?:before|as C)", shown)
    assert after < before / 5
    assert "counts: 4000\n" in shown


@pytest.fixture
def detector(tmp_path) -> Path:
    """The file of MLPerf Tiny, where it is; else one of the same network."""
    return public_model("mlperf_tiny_anomaly") or make_detector(tmp_path / "ad01.h5")


def make_detector(path: Path) -> Path:
    import fncompile
    from fncompile import layers

    x = y = fncompile.Input((640,))
    for width in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        y = layers.Activation("relu")(layers.BatchNormalization()(layers.Dense(width)(y)))
    fncompile.Model(x, layers.Dense(640)(y)).save(path)
    return path


def test_the_anomaly_detector(tmp_path, detector):
    """C and Python agree on how unusual the frames are, before and after C has learnt them."""
    shown = run_script("anomaly", detector, "build", cwd=tmp_path)
    (before, after), (c_before, c_after) = (
        numbers(rf"{who}: (?:before|after) ([\d.]+)", shown) for who in ("Python", "C")
    )
    assert c_before == pytest.approx(before, rel=1e-4)
    assert c_after == pytest.approx(after, rel=1e-4)
    assert after < before / 2


def test_the_gpt_writes_what_python_would(tmp_path):
    """A hundred steps of the example's training, on rows of half the length: it knows more than how
    often characters occur, and C's cache gives the logits of whole texts."""
    arguments = (ROOT / "LICENSE", "build", 32, 48, 4, 2, 1, 3200)
    shown = run_script("gpt", *arguments, cwd=tmp_path)
    [loss], [apart] = numbers(r"loss ([\d.]+)", shown), numbers(r"sequence by (\S+)", shown)
    assert loss < 3 and apart < 2e-5
    assert re.search("C: 'Licen.{27}'", shown)


def test_cpp_with_cmake(tmp_path):
    need("cmake", "make", "g++")
    text = (NATIVE / "cpp" / "README.md").read_text()
    commands = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    assert len(commands) == 4
    for path in (NATIVE / "cpp").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    script = "\n".join([f'PATH="{Path(sys.executable).parent}:$PATH"', *commands])
    shown = run("sh", "-ec", script, cwd=tmp_path, env=ENVIRONMENT)
    accuracy = numbers(r"accuracy ([\d.]+)", shown)
    assert len(accuracy) == 3 and accuracy[-1] > 0.95
    assert shown.endswith("refused: a size is larger than the context was made for\n")


def test_c_on_several_ranks(tmp_path, monkeypatch):
    """C by MPI comes to the weights that one process of Python comes to, but for the rounding of
    sums in another order, which 44 steps of Adam carry on: 1e-6 to 1.2e-5 over initial weights."""
    need("mpicc", "mpirun")
    for name, value in mpi.ALLOWED.items():
        monkeypatch.setitem(ENVIRONMENT, name, value)
    shown = run_script("mpi", "build", "3", cwd=tmp_path)
    (before, by_c, by_python), (far,) = (
        numbers(pattern, shown) for pattern in (r"([\d.]+) (?:before|by)", r"at most (\S+)")
    )
    assert shown.startswith("3 ranks, 4 epochs of 500 samples\n")
    assert far < 1e-4 and abs(by_c - by_python) < 1e-3 and by_python < before / 3


def test_each_example_has_a_readme_of_its_own():
    folders = [p for p in NATIVE.iterdir() if p.is_dir()]
    assert {p.name for p in folders} == {"amp", "anomaly", "cpp", "gpt", "mpi", "online"}
    for folder in folders:
        assert len((folder / "README.md").read_text().splitlines()) <= 14


@pytest.mark.parametrize("kind", ["lstm", "conv"])
def test_the_amplifier(tmp_path, monkeypatch, kind):
    """It learns, and plays block by block and sample by sample what Python computes."""
    monkeypatch.delitem(ENVIRONMENT, "FNC_TARGET")  # for Python's bits
    shown = run_script("amp", kind, "build", "0.5", "4", cwd=tmp_path)
    first, last = numbers(r"loss ([\d.]+)", shown) + numbers(r"epochs ([\d.]+)", shown)
    assert last < first / 1.5
    assert shown.count("the same as Python's: True") == 2
    assert len(numbers(r"real-time factor ([\d.]+)", shown)) == 2
    errors = numbers(r"error to signal ([\d.]+)", shown)
    assert errors[0] == errors[1] < 1.0
    assert (tmp_path / "build" / "out.wav").stat().st_size == 44 + 4 * 24_000
