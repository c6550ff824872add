"""Train a character GPT on a text, export it for one character at a time, let C go on with it.

python run.py TEXT build [LENGTH WIDTH DEPTH HEADS EPOCHS ROWS]
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
from network import network, rows, stepwise

import fncompile

HERE, TEXT, BUILD = Path(__file__).parent, Path(sys.argv[1]), Path(sys.argv[2])
LENGTH, WIDTH, DEPTH, HEADS, EPOCHS, ROWS = map(int, sys.argv[3:] or (64, 64, 4, 2, 3, 100_000))

fncompile.utils.set_random_seed(0)
x, y, characters = rows(TEXT.read_text(), LENGTH)
sizes = (LENGTH, len(characters), WIDTH, DEPTH, HEADS)
model = network(*sizes)
loss = fncompile.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(fncompile.optimizers.Adam(0.002), loss)
history = model.fit(x[:ROWS], y[:ROWS], batch_size=32, epochs=EPOCHS, verbose=0)
print(f"loss {history.history['loss'][-1]:.3f} nats a character")

bundle = stepwise(model, *sizes).export(BUILD, prefix="gpt")
(BUILD / "characters.txt").write_text("".join(characters))
program = BUILD / "gpt"
subprocess.run(
    ["cc", "-std=c99", "-O2", f"-DLENGTH={LENGTH}", f"-DCOUNT={len(characters)}",
     str(HERE / "gpt.c"), f"-I{BUILD}", str(bundle.static), "-lm", "-pthread", "-o", str(program)],
    check=True,
)  # fmt: skip
files = BUILD / "characters.txt", BUILD / "logits.f32"
text = subprocess.run(
    [program, *files, "Licen"], text=True, capture_output=True, check=True
).stdout[:LENGTH]  # fmt: skip
print(f"C: {text!r}")

tokens = np.array([[characters.index(c) for c in text]], "int32")
whole = model.predict(tokens, verbose=0)[0]
stepped = np.fromfile(files[1], "float32").reshape(whole.shape)
print(f"C by its cache differs from Python's whole sequence by {np.abs(whole - stepped).max():.1e}")
