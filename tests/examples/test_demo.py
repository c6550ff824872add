"""`make demo` keeps its promises: accuracy, and the same bits by every way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_demo(tmp_path):
    """On the sample of digits that the package carries, without a terminal."""
    environment = {k: v for k, v in os.environ.items() if k != "FNC_DATA_DIR"}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "mnist_demo.py"), str(tmp_path / "demo")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.count("bit for bit") == 3
    accuracy = float(re.search(r"Test accuracy (\d+\.\d+)%", done.stdout).group(1))
    assert accuracy >= 95.5
    assert f"({accuracy:.2f} %)" in done.stdout  # the C program's own count
    for path in re.findall(r"^  (\S+)  \(\d[\d,]* bytes\)$", done.stdout, re.MULTILINE):
        assert Path(path).is_file()
    assert done.stderr == ""
