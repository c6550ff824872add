"""Large products of bfloat16: what multiplies them, and the same results by the instructions of
CPUs that have some, whose twins in plain C take their place here (csrc/kern/bf16_twin.h)."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as keras
from fncompile import layers
from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.elements import rounded
from fncompile.ir.node import Program
from fncompile.ir.types import DTYPES, TensorType
from fncompile.plan.machine import drawn
from fncompile.runtime import entry, toolchain
from fncompile.runtime.lowered import numbers_of_target
from tests.bfloat16.test_programs import check_compiled, compile_and_compare
from tests.programs.generator import random_program
from tests.programs.native import stages
from tests.programs.test_random_programs import with_gradients

TWIN = "-DFNC_BF16_TWIN -DFNC_VEC_BYTES=64 -Wno-psabi"


def network():
    keras.utils.set_random_seed(4)
    keras.config.set_dtype_policy("mixed_bfloat16")
    inputs = keras.Input((201,))
    x = layers.Dense(300, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(140, dtype="float32")(x))
    model.compile(keras.optimizers.SGD(0.5), "mse")
    return model


def trained(threads):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(75, n)).astype(np.float32) for n in (201, 140))
    with keras.flags(threads=threads):
        model = network()
        model.fit(x, y, batch_size=75, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()


def test_a_model_by_the_instructions_for_bfloat16():
    """Sums in another order: results differ by a few last bits, and not with the threads."""
    usual = trained(1)
    with keras.flags(cflags=TWIN):
        first, shared = trained(1), trained(3)
    for expected, one, three in zip(usual, first, shared):
        np.testing.assert_array_equal(one, three)
        np.testing.assert_allclose(one, expected, rtol=2**-6, atol=2**-6)
    assert (usual[0] != first[0]).any(), "the instructions are not in use"


@pytest.mark.parametrize("seed", range(2))
def test_random_programs_by_the_instructions_for_bfloat16(seed):
    with keras.flags(cflags=TWIN), drawn(wide_columns=1, large_elements=1, pack=0.0):
        check_compiled(with_gradients(random_program(seed, "bfloat16", 7)), seed)


@pytest.mark.parametrize("channels", [6, 5])
def test_what_products_read_lies_in_two_bytes(channels):
    """Where it is nothing but numbers of bfloat16: by words of two, and by odd segments."""
    x = build.input("x", TensorType("bfloat16", (symbol("B"), 9, channels)))
    w, v = matrix("w", 3, channels, 33), matrix("v", 33, 20)
    taps = build.window(build.ew("tanh", x), (1,), (3,))
    h = build.ew("tanh", build.dot(taps, w, ((3, 2), (0, 1))))
    total = build.reduce(build.cast(h, "float32"), "sum", (0, 1))
    program = Program((x,), (w, v), {"y": build.matmul2(h, v), "total": total})
    rng = np.random.default_rng(channels)
    weights = {p["name"]: rounded(rng.normal(size=p.shape) / 4) for p in (w, v)}
    with drawn(narrow_lone=0.0):  # short runs too are copied as words
        _, plan = stages(program)
        products = [k for k in plan.kernels if k.product]
        read = [v.a.buffer.type.dtype for k in products for v in k.schedule.variants]
        assert read == ["bfloat16", "bfloat16"]
        for m in (0, 1, 7):
            compile_and_compare(program, rounded(rng.normal(size=(m, 9, channels))), **weights)


@pytest.mark.parametrize("multiplies", [True, False])
def test_small_products_go_by_float_where_there_are_no_instructions(multiplies, monkeypatch):
    """Large ones by words also there: few rows take as long as the bytes of their weights."""
    monkeypatch.setattr(toolchain, "multiplies_bfloat16", lambda: multiplies)
    x = build.input("x", TensorType("bfloat16", (symbol("B"), 64)))
    w, v = matrix("w", 64, 512), matrix("v", 512, 64)
    large = build.ew("tanh", build.matmul2(x, w))
    small = build.matmul2(build.ew("tanh", x), matrix("u", 64, 64))
    outputs = {"y": build.matmul2(large, v), "z": small}
    with numbers_of_target(), drawn(large_elements=64 * 512):
        _, plan = stages(Program((x,), (w, v, small.src[1]), outputs))
    products = [k for k in plan.kernels if k.product]
    found = {k.product.shape[-2:]: k.schedule.variants[-1].driver for k in products}
    assert found == {
        (512, 64): "panels",
        (64, 512): "panels" if multiplies else "tiles",
        (64, 64): "panels" if multiplies else "tiles",
    }


def test_pixels_of_few_channels_are_multiplied_as_floats():
    x = build.input("x", TensorType("bfloat16", (symbol("B"), 9, 9, 3)))
    w = matrix("w", 3, 3, 3, 33)
    taps = build.window(build.ew("tanh", x), (1, 2), (3, 3))
    program = Program((x,), (w,), {"y": build.dot(taps, w, ((4, 5, 3), (0, 1, 2)))})
    _, plan = stages(program)
    assert [k.schedule.variants[-1].driver for k in plan.kernels if k.product] == ["pixels"]
    rng = np.random.default_rng(1)
    given = rounded(rng.normal(size=(3, 9, 9, 3)))
    compile_and_compare(program, given, w=rounded(rng.normal(size=(3, 3, 3, 33))))


def images():
    """Lines of 9 and of 7 pixels, panels that are full, of one vector and not full."""
    keras.utils.set_random_seed(7)
    inputs = keras.Input((9, 7, 3), dtype="bfloat16")
    x = layers.Conv2D(16, 3, padding="same", dtype="bfloat16", activation="relu")(inputs)
    for filters, taps, step in ((16, 3, 1), (40, 3, 2), (32, 1, 1), (64, 2, 1)):
        x = layers.Conv2D(filters, taps, step, "same", dtype="bfloat16", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2D(10, 1, dtype="bfloat16")(x))


PIXELS = {
    "the machine's": {"target": "native"},
    "words": {"cflags": f"{TWIN} -DFNC_HAS_AMX=0"},
    "AMX": {"cflags": TWIN},
    "no instructions": {"target": "x86-64-v3"},
    "plain C": {"target": "ref"},
}


@pytest.mark.parametrize("build", PIXELS)
def test_pixels_by_words_of_two(build):
    x = rounded(np.random.default_rng(1).normal(size=(5, 9, 7, 3)).astype(np.float32))
    with drawn(narrow_emulated=0.5), keras.flags(**PIXELS[build]):
        model = images()
        found, alone = np.asarray(model(x)), np.asarray(model(x[3:4]))
        assert "word_pixels" in model.explain("schedule")
        with keras.flags(threads=3):
            np.testing.assert_array_equal(np.asarray(model(x)), found)
    np.testing.assert_array_equal(alone, found[3:4])
    with keras.flags(interp=True):
        expected = np.asarray(images()(x))
    np.testing.assert_allclose(found, expected, rtol=2**-6, atol=2**-7)


def test_tiles_of_pixels_by_words_have_room_for_all_their_sums():
    """Those of 28 rows of one vector, and of 14 of two, were written behind the end of 24 sums."""
    keras.utils.set_random_seed(7)
    inputs = keras.Input((14, 28, 16), dtype="bfloat16")
    wide = [layers.Conv2D(n, 3, padding="same", dtype="bfloat16")(inputs) for n in (16, 64)]
    half = layers.Conv2D(64, 3, padding="same", dtype="bfloat16")(wide[0][:, :, ::2])
    model = keras.Model(inputs, [*wide, half])
    x = rounded(np.random.default_rng(1).normal(size=(2, 14, 28, 16)).astype(np.float32))
    with drawn(narrow_emulated=0.5):
        found = [np.asarray(y) for y in model(x)]
        assert "word_pixels" in model.explain("schedule")
    with keras.flags(interp=True):
        expected = [np.asarray(y) for y in model(x)]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2**-6, atol=2**-6)


def test_what_is_read_as_float32_stays_wide():
    """By a product of float32, of the same numbers."""
    x, w = matrix("x", 16, 128), matrix("w", 128, 128)
    h = build.ew("exp", build.matmul2(x, w))
    wide = build.dot(build.cast(h, "float32"), build.cast(w, "float32"), ((1,), (0,)))
    program = Program((), (x, w), {"y": build.matmul2(h, w), "z": wide})
    rng = np.random.default_rng(0)
    arrays = {n: rounded(rng.normal(size=s) / 16) for n, s in (("x", (16, 128)), ("w", (128, 128)))}
    compile_and_compare(program, **arrays)


def test_what_kernels_hand_on_is_of_two_bytes():
    """Though no product reads it. The sum, which is of float32, is not."""
    x, w = build.input("x", TensorType("bfloat16", (33, 96))), matrix("w", 96, 64)
    h = build.matmul2(x, w)
    most = build.reduce(h, "max", (0,))
    total = build.reduce(build.cast(h, "float32"), "sum", (0,))
    y = build.ew("sub", h, build.reshape(most, (1, 64)))
    z = build.ew("mul", build.cast(y, "float32"), build.reshape(total, (1, 64)))
    program = Program((x,), (w,), {"y": y, "z": z})
    _, plan = stages(program)
    handed_on = {b for k in plan.kernels for b in (*k.read, *k.written) if b.kind == "arena"}
    found = sorted((b.type.dtype, b.type.shape) for b in handed_on)
    assert ("bfloat16", (33, 64)) in found and ("float32", (33, 64)) not in found
    assert ("float32", (64,)) in found
    rng = np.random.default_rng(0)
    given, weights = (rounded(rng.normal(size=n.shape)) for n in (x, w))
    compile_and_compare(program, given, w=weights)


def matrix(name, *shape):
    return build.param(name, TensorType("bfloat16", shape))


def test_one_matrix_is_packed_once_for_each_dtype_that_multiplies_it():
    """Panels of two bytes an element serve products of bfloat16 only."""
    x, w = matrix("x", 64, 128), matrix("w", 300, 128)
    row = build.permute(build.ew("tanh", w), (1, 0))
    wide = [build.cast(x, "float32"), build.cast(row, "float32")]
    both = {"first": (x, row), "again": (build.ew("exp", x), row), "wide": wide}
    outputs = {name: build.dot(a, b, ((1,), (0,))) for name, (a, b) in both.items()}
    with drawn(far_columns=1):  # narrower than what is packed for so few rows
        _, plan = stages(Program((), (x, w), outputs))
    kernels = [k for k in (*plan.prepare, *plan.kernels) if k.stages[0].kind == "pack"]
    assert sorted(k.stages[0].dtype for k in kernels) == ["bfloat16", "float32"]


def test_a_cpu_with_instructions_is_not_said_to_emulate(monkeypatch, recwarn):
    monkeypatch.setattr(toolchain, "multiplies_bfloat16", lambda: True)
    entry._tell_of_emulation.__wrapped__(DTYPES["bfloat16"])
    assert not recwarn.list
    with keras.flags(interp=True), pytest.warns(RuntimeWarning, match="emulated"):
        entry._tell_of_emulation.__wrapped__(DTYPES["bfloat16"])
    monkeypatch.setattr(toolchain, "multiplies_bfloat16", lambda: False)
    with pytest.warns(RuntimeWarning, match="emulated"):
        entry._tell_of_emulation.__wrapped__(DTYPES["bfloat16"])
