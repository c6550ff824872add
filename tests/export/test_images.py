"""Weights that lie in the caller's memory, or in a mapped file, in place of the library's own."""

from __future__ import annotations

import os
from ctypes import byref, c_void_p

import numpy as np
import pytest

from tests.export.library import ARG, FORMAT, IO, MEMORY, OK, PREDICT, PRIVATE, STATE, Context
from tests.export.zoo import data


@pytest.fixture
def library(exported):
    return exported("classifier")[1]


def image_of(context: Context) -> np.ndarray:
    """In memory that starts at a multiple of 64."""
    size = int(context.library.macro("IMAGE_BYTES"))
    whole = np.zeros(size + 64, np.uint8)
    image = whole[-whole.ctypes.data % 64 :][:size]
    context.ok("get_image", image, size)
    return image


def predicted(context: Context, x) -> bytes:
    out = np.empty((len(x), 10), "float32")
    context.ok("predict", len(x), x, out)
    return out.tobytes()


def changed(library) -> Context:
    """A context with weights of its own, which no other has."""
    context = Context(library, PRIVATE, 8)
    flat = context.params() * 1.5
    context.ok("set_params", flat, len(flat))
    return context


def test_a_context_predicts_with_an_image_and_with_its_own_again(library):
    x, other = data("classifier", 8)[0], changed(library)
    context = Context(library, PREDICT, 8)
    before, want = predicted(context, x), predicted(other, x)
    assert before != want
    image = image_of(other)
    context.ok("swap_weights", image, image.size)
    assert predicted(context, x) == want
    assert context.params().tobytes() == other.params().tobytes()
    again = image_of(context)
    assert again.tobytes() == image.tobytes()
    context.ok("swap_weights", None, 0)
    assert predicted(context, x) == before


def test_clones_follow(library):
    x, image = data("classifier", 8)[0], image_of(changed(library))
    source, clone = Context(library, PREDICT, 8), c_void_p()
    assert library.clone_shared(source.pointer, byref(clone)) == OK
    source.ok("swap_weights", image, image.size)
    out = np.empty((8, 10), "float32")
    assert library.predict(clone, 8, x.ctypes.data, out.ctypes.data) == OK
    assert out.tobytes() == predicted(source, x)
    assert library.swap_weights(clone, image.ctypes.data, image.size) == STATE
    library.destroy(clone)


def test_a_file_is_mapped(library, tmp_path):
    x, other, mapped = data("classifier", 8)[0], changed(library), c_void_p()
    path = tmp_path / "weights"
    other.ok("save_image", str(path).encode())
    assert path.read_bytes() == image_of(other).tobytes()
    assert library.map_image(str(path).encode(), byref(mapped)) == OK
    context = Context(library, PREDICT, 8)
    assert library.swap_weights(context.pointer, mapped, path.stat().st_size) == OK
    assert predicted(context, x) == predicted(other, x)
    context.ok("swap_weights", None, 0)
    predicted(context, x)
    assert library.unmap_image(mapped) == OK
    assert library.unmap_image(None) == ARG


def test_images_that_are_refused(exported, library, tmp_path):
    """And nothing is changed: of other models, cut, damaged in the head, or at odd places."""
    x, context = data("classifier", 8)[0], Context(library, PREDICT, 8)
    before, image, mapped = predicted(context, x), image_of(changed(library)), c_void_p()
    foreign = image_of(Context(exported("scheduled")[1], PREDICT, 8))
    size = image.size
    assert context.call("swap_weights", foreign, foreign.size) == FORMAT
    assert context.call("swap_weights", image, size - 1) == FORMAT
    assert context.call("swap_weights", image.ctypes.data + 4, size) == ARG
    wrong = image_of(changed(library))
    for place in range(64):
        wrong[place] ^= 1
        assert context.call("swap_weights", wrong, size) == FORMAT
        wrong[place] ^= 1
    assert predicted(context, x) == before
    assert Context(library, PRIVATE, 8).call("swap_weights", image, size) == STATE
    assert context.call("get_image", image, size - 1) == MEMORY
    assert context.call("get_image", None, size) == ARG
    for name, contents, status in (
        ("cut", image.tobytes()[:-1], FORMAT), ("foreign", foreign.tobytes(), FORMAT),
        ("empty", b"", FORMAT),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(contents)
        assert library.map_image(str(tmp_path / name).encode(), byref(mapped)) == status
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ".", "none"):
        assert library.map_image(str(tmp_path / name).encode(), byref(mapped)) == IO
    assert library.map_image(None, byref(mapped)) == ARG
    assert context.call("save_image", str(tmp_path / "no" / "where").encode()) == IO
