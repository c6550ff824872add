"""One artifact for all processors: the code of each level, which one is chosen, and the refusal
where a processor lacks the instructions."""

from __future__ import annotations

import platform
import subprocess
from ctypes import byref, c_void_p

import numpy as np
import pytest

import fncompile
from fncompile import layers
from fncompile.runtime import cache, toolchain
from fncompile.runtime.tiles import work as tiles_work
from tests.export.library import ARG, OK, PREDICT, STRICT, TRAIN, Context, Library, build_selftest
from tests.export.test_options import PARALLEL_FOR, create, on_threads, options
from tests.export.zoo import MAKERS, data
from tests.tools import FEATURES, need, processor_features, run

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="levels of x86-64")
LEVELS = {"avx512": "x86-64-v4", "avx2": "x86-64-v3", "baseline": "ref"}  # the best first
CPU = -9


def available() -> list[str]:
    return [name for name, target in LEVELS.items() if FEATURES[target] <= processor_features()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return Library(MAKERS["classifier"]().export(tmp_path_factory.mktemp("whole")))


def test_the_best_level_is_chosen(whole):
    context = Context(whole, PREDICT, 4)
    assert whole.level(context.pointer).decode() == available()[0]
    assert whole.level(None) is None


def test_every_level_gives_what_the_baseline_gives(whole):
    """Predictions and ten steps of training, to the rounding of their sums."""
    x, y = data("classifier", 80)
    found = {}
    for name in available():
        context, out = Context(whole, TRAIN, 8), np.empty((8, 10), "float32")
        context.ok("set_level", name.encode())
        assert whole.level(context.pointer).decode() == name
        context.ok("predict", 8, x, out)
        context.ok("train_steps", np.arange(80), 80, 8, 80, x, y, None)
        found[name] = out, context.params()
    for out, params in found.values():
        np.testing.assert_allclose(out, found["baseline"][0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(params, found["baseline"][1], rtol=1e-3, atol=1e-4)
    if "avx2" in found:  # which fuses multiplying and adding: so it is other code
        assert found["avx2"][1].tobytes() != found["baseline"][1].tobytes()


def test_what_was_prepared_for_one_level_is_not_taken_for_another(whole):
    """Weights are packed as wide as vectors are."""
    x = data("classifier", 8)[0]
    context = Context(whole, PREDICT, 8)
    outputs = []
    for name in [*available(), *reversed(available())]:
        context.ok("set_level", name.encode())
        outputs.append(np.empty((8, 10), "float32"))
        context.ok("predict", 8, x, outputs[-1])
    for one, other in zip(outputs, reversed(outputs), strict=True):
        assert one.tobytes() == other.tobytes()


def test_clones_run_their_source_s_level(whole):
    source, clone = Context(whole, PREDICT, 4), c_void_p()
    source.ok("set_level", b"baseline")
    assert whole.clone_shared(source.pointer, byref(clone)) == OK
    assert whole.level(clone) == b"baseline"
    whole.destroy(clone)


def test_levels_that_are_not_there(whole):
    context = Context(whole, PREDICT, 4)
    assert context.call("set_level", b"avx9") == context.call("set_level", None) == ARG
    assert whole.set_level(None, b"baseline") == ARG
    for name in LEVELS.keys() - set(available()):
        assert context.call("set_level", name.encode()) == CPU


SHOW = """
#include <stdio.h>
#include "digit_model.h"
int main(void) {
    digit_model_ctx *ctx = NULL;
    int32_t status = digit_model_create(DIGIT_MODEL_TRAIN, 4, &ctx);
    printf("%d %s\\n", (int)status,
           status ? digit_model_status_str(status) : digit_model_level(ctx));
    if (!status) printf("%d\\n", (int)digit_model_set_level(ctx, "avx512"));
    digit_model_destroy(ctx);
    return 0;
}
"""


def emulated(processor: str, program) -> str:
    command = ["qemu-x86_64", "-cpu", processor, program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("processor", "level"), [("qemu64", "baseline"), ("Haswell", "avx2")])
def test_on_lesser_processors(whole, tmp_path, processor, level):
    """The level that is there is chosen, others are refused, and the self-test passes."""
    need("qemu-x86_64")
    bundle = whole.bundle
    (tmp_path / "show.c").write_text(SHOW)
    run("gcc", "-std=c99", *STRICT, tmp_path / "show.c", f"-I{bundle.directory}", bundle.static,
        "-lm", "-o", tmp_path / "show")  # fmt: skip
    assert emulated(processor, tmp_path / "show") == f"0 {level}\n{CPU}\n"
    selftest = build_selftest(bundle, bundle.static, tmp_path / "selftest")
    assert emulated(processor, selftest) == "passed\n"


def test_code_for_this_machine_alone_is_refused_by_others(exported, tmp_path):
    """A status, where there was an illegal instruction."""
    need("qemu-x86_64")
    if "avx" not in processor_features():
        pytest.skip("this machine has nothing that the emulated one lacks")
    bundle = exported("classifier")[1].bundle
    (tmp_path / "show.c").write_text(SHOW)
    run("gcc", "-std=c99", *STRICT, tmp_path / "show.c", f"-I{bundle.directory}", bundle.static,
        "-lm", "-o", tmp_path / "show")  # fmt: skip
    shown = emulated("qemu64", tmp_path / "show")
    assert shown == f"{CPU} the processor lacks instructions that the library needs\n"


# bfloat16 ---------------------------------------------------------------------------------------

NARROW = {"amx": "x86-64-v4-amx", "avx512_bf16": "x86-64-v4-bf16", **LEVELS}
TWIN = ("-DFNC_BF16_TWIN", "-DFNC_VEC_BYTES=64", "-Wno-psabi")  # csrc/kern/bf16_twin.h for tiles
NUMBERS = np.random.default_rng(0).standard_normal((150, 201)).astype("float32")


def narrow_available() -> list[str]:
    """On this machine; without tiles where the system refuses them."""
    features = processor_features()
    tiles = ["amx"] if {"amx_tile", "amx_bf16"} <= features and tiles_work() else []
    words = ["avx512_bf16"] if "avx512_bf16" in features else []
    return [*tiles, *words, *available()]


def narrow_library(directory, name="narrow"):
    """One layer, of odd sizes, whose product is worth sharing."""
    fncompile.utils.set_random_seed(0)
    x = fncompile.Input((201,), name="x")
    model = fncompile.Model(x, layers.Dense(300, dtype="mixed_bfloat16", name="y")(x), name=name)
    return Library(model.export(directory))


def predicted(library, asked=None) -> np.ndarray:
    status, context = create(library, asked, batch=len(NUMBERS))
    assert status == OK
    out = np.empty((len(NUMBERS), 300), "float32")  # numbers of bfloat16
    assert library.predict(context, len(out), NUMBERS.ctypes.data, out.ctypes.data) == OK
    library.destroy(context)
    return out


def close_to_the_baseline(library, name):
    """But for the order of sums, which moves a rounding to eight bits here and there."""
    found, expected = (predicted(library, options(level=n)) for n in (name, b"baseline"))
    np.testing.assert_allclose(found, expected, rtol=2**-7, atol=2**-9)
    assert np.mean(found != expected) < 0.02


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    return narrow_library(tmp_path_factory.mktemp("narrow"))


def test_models_of_bfloat16_have_levels_for_its_products(narrow):
    """By the instructions, which machine code has; and the best one that is there is chosen."""
    need("objdump")
    code = run("objdump", "-d", narrow.bundle.shared)
    assert all(name in code for name in ("tdpbf16ps", "ldtilecfg", "tilerelease", "vdpbf16ps"))
    context = Context(narrow, PREDICT, 4)
    assert narrow.level(context.pointer).decode() == narrow_available()[0]
    for name in NARROW:
        there = name in narrow_available()
        assert context.call("set_level", name.encode()) == (OK if there else CPU)


def test_every_level_of_bfloat16_gives_what_the_baseline_gives(narrow):
    for name in narrow_available():
        close_to_the_baseline(narrow, name.encode())


@pytest.mark.skipif("avx512" not in available(), reason="tiles stand on AVX-512")
@pytest.mark.parametrize("extra", [(), ("-DFNC_TWIN_REFUSES",), ("-DFNC_TWIN_WRONG",)])
def test_tiles_are_chosen_where_they_are_given_and_compute(extra, monkeypatch, tmp_path):
    """By twins of their instructions in plain C; else the level below. One thread or several, the
    library's or a caller's: the same bits. The twins trap where a thread has set no shapes."""
    monkeypatch.setitem(toolchain.NARROW_TARGETS, "x86-64-v4-amx", (*TWIN, *extra))
    library = narrow_library(tmp_path)
    context = Context(library, PREDICT, 4)
    if extra:
        below = next(name for name in narrow_available() if name != "amx")
        assert library.level(context.pointer).decode() == below
        assert context.call("set_level", b"amx") == CPU
        return
    assert library.level(context.pointer) == b"amx"
    close_to_the_baseline(library, b"amx")
    parts = []

    def pool(user, count, task, argument):
        parts.append(count)
        on_threads(user, count, task, argument)

    alone = predicted(library)
    shared = predicted(library, options(parallel_for=PARALLEL_FOR(pool), threads=2))
    np.testing.assert_array_equal(shared, alone)
    assert parts == [2]


MACHINES = {  # words of cpuid that are not there, by number and bits; what the system saves; level
    "sapphire rapids": ({}, 0x600E7, "amx"),
    "tiles that the system does not save": ({}, 0xE7, "avx512_bf16"),
    "or half of it": ({}, 0x200E7, "avx512_bf16"),
    "tiles of bytes alone": ({3: 1 << 22}, 0x600E7, "avx512_bf16"),
    "cooper lake": ({3: 0x3400000}, 0xE7, "avx512_bf16"),
    "skylake": ({3: 0x3400000, 4: 1 << 5}, 0xE7, "avx512"),
    "no vectors of 64 bytes are saved": ({}, 0x60007, "avx2"),
    "no vectors are saved": ({}, 3, "baseline"),
    "nothing": (dict.fromkeys(range(6), 0xFFFFFFFF), 0, "baseline"),
}

CHOOSE = """
#include <stdio.h>
#include <stdlib.h>
#include "rt/fnc_cpu.h"
int main(int count, char **words) {{
    fnc_cpu machine = {{{{0, 0, 0, 0, 0, 0}}, 0}};
    const fnc_cpu *needs[] = {{{names}}};
    const char *levels[] = {{{levels}}};
    for (int i = 1; i + 6 < count; i += 7) {{
        for (int j = 0; j < 6; ++j) machine.word[j] = (uint32_t)strtoul(words[i + j], NULL, 0);
        const fnc_cpu here = fnc_cpu_saved(machine, (uint32_t)strtoul(words[i + 6], NULL, 0));
        int best = 0;
        while (!fnc_cpu_covers(&here, needs[best])) ++best;
        puts(levels[best]);
    }}
    return 0;
}}
"""


def test_levels_by_what_processor_and_system_say(tmp_path):
    objects = []
    for name, target in NARROW.items():
        text = f'#include "rt/fnc_cpu.h"\nextern const fnc_cpu {name};\n'
        text += f"const fnc_cpu {name} = FNC_CPU_NEEDS;\n"
        with fncompile.flags(target=target):
            objects.append(cache.build_objects({f"needs_{name}": text})[f"needs_{name}"])
    declared = "".join(f"extern const fnc_cpu {name};\n" for name in NARROW)
    main = CHOOSE.format(
        names=", ".join(f"&{name}" for name in NARROW),
        levels=", ".join(f'"{name}"' for name in NARROW),
    )
    (tmp_path / "choose.c").write_text(main.replace("int main", f"{declared}int main"))
    run("gcc", tmp_path / "choose.c", *objects, *toolchain.include_flags(),
        "-o", tmp_path / "choose")  # fmt: skip
    rows = [
        str(word)
        for missing, saved, _ in MACHINES.values()
        for word in (*(0xFFFFFFFF & ~missing.get(i, 0) for i in range(6)), saved)
    ]
    chosen = run(tmp_path / "choose", *rows).split()
    assert dict(zip(MACHINES, chosen, strict=True)) == {
        name: level for name, (_, _, level) in MACHINES.items()
    }
