"""One artifact for all processors: the code of each level, which one is chosen, and the refusal
where a processor lacks the instructions."""

from __future__ import annotations

import platform
import subprocess
from ctypes import byref, c_void_p

import numpy as np
import pytest

from tests.export.library import ARG, OK, PREDICT, STRICT, TRAIN, Context, Library, build_selftest
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


def test_models_of_bfloat16_have_a_level_for_its_products(tmp_path):
    import fncompile
    from fncompile import layers
    from fncompile.export.bundle import make_sources

    x = fncompile.Input((32,), name="x")
    model = fncompile.Model(x, layers.Dense(32, dtype="mixed_bfloat16", name="y")(x), name="narrow")
    made = make_sources(model, "narrow", False, several=True)
    assert [level.name for level in made.library.levels] == ["avx512_bf16", *LEVELS]
