"""The table as a picture for the README: `python -m benchmarks.picture results.json`.

A row a case: our time, the share of the machine's limit, and a bar for each peer, as long as the
ratio of its time to ours; the line marks one, where both are as fast.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks import report
from benchmarks.driver import ROOT

PATH = ROOT / "docs" / "bench.svg"
COLORS = {"torch": "#ee6c4d", "jax": "#3d8bbd", "onnxruntime": "#7d8597", "openvino": "#8e6bbf",
          "keras": "#e0a526"}
LEFT, SCALE, BAR, TOP = 400, 110, 7, 74  # SCALE: pixels for each factor of ten
MICRO, SHARE = 288, 342  # right ends of columns
TIMES = "\N{MULTIPLICATION SIGN}"
LEAST, MOST = 0.3, 1000.0  # ratios at the ends of the axis
NAMES = {"tiny": "8-16-16-1", "mlp784": "784-64-64-10", "mlp512": "512-512-512-512",
         "mlp1024": "1024-2048-2048-1000", "dag": "3 inputs, 2 outputs",
         "res256": "20 residual, 256 wide", "lenet": "LeNet, 28 x 28 x 1",
         "resnet20": "ResNet-20, 32 x 32 x 3", "mobilenet": "MobileNet-like, 32 x 32 x 3",
         "tcn": "8 causal Conv1D, 512 samples", "lstm128": "LSTM, 128 units, 100 steps",
         "gru64": "GRU, 64 units, 100 steps", "encoder128": "Encoder block, width 128, 64 steps",
         "encoder256": "Encoder block, width 256, 128 steps",
         "lstm16_step": "LSTM, 16 units, one step",
         "gpt": "GPT, 4 blocks, width 128, 64 steps"}
TITLES = {"predict": "inference", "train": "training step"}
STYLE = ("text{font:12px sans-serif;fill:#1f2933}.t{font-weight:600;font-size:15px}.n{fill:#52606d}"
         ".e{text-anchor:end}.m{text-anchor:middle}.lost{fill:#b00020;font-weight:600}")


def x_of(ratio: float) -> float:
    """Logarithmic; what lies outside ends at the border."""
    inside = min(max(ratio, LEAST), MOST)
    return LEFT + SCALE * (math.log10(inside) - math.log10(LEAST))


def text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def bars(one: report.Entry, y: float) -> list[str]:
    """A peer's bar goes from the line at one to its ratio: right where we are faster."""
    parts, start = [], x_of(1)
    for name in (n for n in COLORS if n in report.peers(one)):
        end = x_of(report.ratio(one, name) or 1)
        parts.append(f'<rect x="{min(start, end):.1f}" y="{y:.1f}" width="{abs(end - start):.1f}" '
                     f'height="{BAR - 1}" fill="{COLORS[name]}"/>')
        y += BAR
    return parts


def row(one: report.Entry, y: float) -> tuple[list[str], float]:
    """The row's parts, and its height."""
    case, mine, best = one["case"], report.ours(one), report.ratio(one)
    height = max(BAR * len(report.peers(one)), 14) + 8
    middle = y + height / 2
    parts = [text(20, middle, f"{NAMES[case['network']]}, batch {case['batch']}"),
             text(MICRO, middle, report.micro(mine), "e"),
             text(SHARE, middle, f"{one['bound'] / mine:.0%}" if mine else "-", "n e")]
    if best:
        times = f"{best:.{1 + (best < 2)}f}{TIMES}"
        parts.append(text(LEFT - 12, middle, times, "lost e" if best < 1 else "e"))
    return parts + bars(one, y), height


def group(entries: list[report.Entry], y: float) -> tuple[list[str], float]:
    case = entries[0]["case"]
    cores = "one core" if case["cores"] == 1 else f"{case['cores']} cores"
    parts = [text(20, y + 16, f"{TITLES[case['kind']]}, {case['dtype']}, {cores}", "t")]
    y += 28
    for one in entries:
        more, height = row(one, y)
        parts, y = parts + more, y + height
    return parts, y + 10


def axis(bottom: float) -> list[str]:
    parts = []
    for ratio in (1, 10, 100, 1000):
        x, color = x_of(ratio), "#1f2933" if ratio == 1 else "#d5dbe1"
        parts += [f'<path d="M{x:.1f} {TOP} V{bottom:.1f}" stroke="{color}"/>',
                  text(x, TOP - 6, f"{ratio}{TIMES}", "n m")]
    return parts


def legend(names: list[str]) -> list[str]:
    parts, x = [text(20, 22, "How many times as long as fncompile the others take", "t")], LEFT
    for name in (n for n in COLORS if n in names):
        parts += [f'<rect x="{x}" y="34" width="11" height="11" fill="{COLORS[name]}"/>',
                  text(x + 16, 44, name)]
        x += 30 + 8 * len(name)
    heads = ((MICRO, "µs, Python"), (SHARE, "of limit"), (LEFT - 12, "fastest"))
    return parts + [text(x, TOP - 6, words, "n e") for x, words in heads]


def draw(result: dict) -> str:
    """The float32 cases on one core."""
    parts, y = legend(result["peers"]), float(TOP)
    wanted = {"cores": 1, "dtype": "float32"}
    shown = [e for e in result["cases"] if wanted.items() <= e["case"].items()]
    for kind in TITLES:
        entries = [e for e in shown if e["case"]["kind"] == kind and report.ours(e)]
        if entries:
            more, y = group(entries, y)
            parts += more
    about = result["machine"]
    note = f"{about['cpu']}, {about['compiler']}, {result['date']}; load {about['load']}"
    parts = [*axis(y), *parts, text(20, y + 16, note, "n")]
    width, height = round(x_of(MOST)) + 30, round(y) + 30
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
            f'<style>{STYLE}</style><rect width="{width}" height="{height}" fill="#fff"/>\n'
            + "\n".join(parts) + "\n</svg>\n")


def write(result: dict, path: Path = PATH) -> None:
    path.write_text(draw(result))


if __name__ == "__main__":
    write(report.load(Path(sys.argv[1])))
