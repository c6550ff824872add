"""A library as one file of C99: built by compilers and flags that are not ours, and for machines
without a system."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import fncompile
from fncompile import layers
from fncompile.flags import flag
from tests.export.zoo import MAKERS
from tests.tools import need, run

STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wvla"]
COMPILERS = {
    "gcc": ["gcc", *STRICT, "-O1"],
    "gcc-portable": ["gcc", *STRICT, "-O1", "-DFNC_PORTABLE=1"],
    "clang": ["clang", *STRICT, "-O1"],
    "tcc": ["tcc", "-std=c99"],  # which knows nothing of GNU C's vectors and builtins
}


@pytest.fixture(scope="module")
def sources(exported, tmp_path_factory):
    """sources(name) -> the bundle with sources."""
    made: dict = {}

    def get(name: str):
        if name not in made:
            directory = tmp_path_factory.mktemp(name)
            made[name] = exported(name)[0].export(directory, sources=True, march=flag("target"))
        return made[name]

    return get


def selftest(bundle, program: Path, *command: str) -> subprocess.CompletedProcess:
    weights = [bundle.weights_source] if bundle.weights_source else []
    run(*command, f"-I{bundle.directory}", bundle.selftest, bundle.source, *weights,
        "-lm", "-pthread", "-o", program)  # fmt: skip
    return subprocess.run([program], capture_output=True, text=True, cwd=bundle.directory)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", ["classifier", "images"])
def test_any_compiler_builds_it_without_a_warning(sources, tmp_path, name, compiler):
    command = COMPILERS[compiler]
    need(command[0])
    assert selftest(sources(name), tmp_path / "test", *command).stdout == "passed\n"


@pytest.mark.parametrize("name", ["plain", "tagger", "sequences"])
def test_the_portable_kernels_of_other_models(sources, tmp_path, name):
    need("tcc")
    assert selftest(sources(name), tmp_path / "test", "tcc", "-std=c99").stdout == "passed\n"


def test_attention_in_plain_c(tmp_path):
    need("tcc")
    x = fncompile.Input((70, 16), name="x")
    y = layers.MultiHeadAttention(2, 8)(x, x, use_causal_mask=True)
    model = fncompile.Model(x, layers.Dense(3)(y), name="attends")
    model.compile("adam", "mse")
    bundle = model.export(tmp_path / "lib", sources=True, march=flag("target"))
    assert "fnc_attention_backward_f32(" in bundle.source.read_text()
    for command in (["tcc", "-std=c99"], ["gcc", *STRICT, "-O1"]):
        assert selftest(bundle, tmp_path / "test", *command).stdout == "passed\n"


def test_calls_need_no_more_stack_than_the_header_says(tmp_path):
    """An image of 32 x 32 x 64 under a window was local to its kernel: 262,720 bytes."""
    need("gcc")
    x = fncompile.Input((32, 32, 8), name="x")
    y = x
    for channels in (40, 64):
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(channels, 1)(y)))
        y = layers.DepthwiseConv2D(3, padding="same")(y)
    model = fncompile.Model(x, layers.GlobalAveragePooling2D()(y), name="deep")
    source = model.export(tmp_path / "lib", sources=True, march=flag("target")).source
    command = ["gcc", "-O1", "-march=native", "-fstack-usage", "-c", source, "-o", "deep.o"]
    subprocess.run(command, cwd=tmp_path, check=True)
    lines = [line.split("\t") for line in (tmp_path / "deep.su").read_text().splitlines()]
    largest = max(int(size) for _, size, _ in lines)
    assert largest < 240_000  # and room for who calls the kernel
    assert "whose stack has 256 KB to spare" in (tmp_path / "lib" / "deep.h").read_text()


ONE = """acos acosh asin asinh atan atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 fabs floor
lgamma log log10 log1p log2 rint round sin sinh sqrt tan tanh tgamma trunc"""
TWO = "atan2 copysign fmod hypot nextafter pow remainder"
MATH = [*((f, "double") for f in ONE.split()), *((f, "double, double") for f in TWO.split())]
MSVC = {
    "math.h": "#define INFINITY ((float)1e300)\n#define NAN (INFINITY * 0)\n" + "".join(
        f"double {f}({p});\nfloat {f}f({p.replace('double', 'float')});\n" for f, p in MATH
    ),
    "string.h": "#include <stddef.h>\nvoid *memcpy(void *, const void *, size_t);\n"
    "void *memset(void *, int, size_t);\nint memcmp(const void *, const void *, size_t);\n"
    "void *memchr(const void *, int, size_t);\nsize_t strlen(const char *);\n"
    "size_t strspn(const char *, const char *);\nsize_t strcspn(const char *, const char *);\n",
    "stdlib.h": "#include <stddef.h>\nvoid *malloc(size_t);\nvoid *realloc(void *, size_t);\n"
    "void free(void *);\n",
    "stdio.h": "#include <stddef.h>\ntypedef struct FILE FILE;\n#define EOF (-1)\n"
    "FILE *fopen(const char *, const char *);\nint fclose(FILE *);\nint fgetc(FILE *);\n"
    "size_t fread(void *, size_t, size_t, FILE *);\nint remove(const char *);\n"
    "size_t fwrite(const void *, size_t, size_t, FILE *);\n",
}  # fmt: skip


def test_the_language_is_that_of_microsoft_s_compiler(sources, tmp_path):
    """clang as that one: no macro of GNU C is defined, and no extension used. The headers are not
    here, so what is asked of them is declared."""
    need("clang")
    for name, text in MSVC.items():
        (tmp_path / name).write_text(text)
    bundle = sources("classifier")
    run("clang", "-target", "x86_64-pc-windows-msvc", "-std=c11", "-fsyntax-only", "-Wall",
        "-Wextra", "-Werror", "-pedantic-errors", "-Wvla", "-Wgnu", "-Wno-unused-function",
        "-Wno-unused-variable", f"-I{tmp_path}", bundle.source)  # fmt: skip


def test_it_links_for_windows(sources, tmp_path):
    """A program that trains and saves, by Mingw's gcc, asks for the C library of Windows alone."""
    need("x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-objdump")
    bundle, program = sources("classifier"), tmp_path / "selftest.exe"
    run("x86_64-w64-mingw32-gcc", *STRICT, "-O0", f"-I{bundle.directory}", bundle.selftest,
        bundle.source, bundle.weights_source, "-o", program)  # fmt: skip
    shown = run("x86_64-w64-mingw32-objdump", "-p", program)
    assert "file format pei-x86-64" in shown
    assert set(re.findall(r"DLL Name: (\S+)", shown)) == {"KERNEL32.dll", "msvcrt.dll"}


# gcc 12.2 ---------------------------------------------------------------------------------------


def test_plain_flags_drop_no_kernel_whose_inner_loop_runs_twice(tmp_path):
    """-O3 of gcc 12.2 takes such for pure, and gives wrong gradients without the protection."""
    x = fncompile.Input((2, 2), name="x")
    y = layers.SimpleRNN(2, return_sequences=True)(x)
    model = fncompile.Model(x, [y, layers.LSTM(2)(x)], name="short_loops")
    model.compile("adam", ["mse", "mse"])
    bundle = model.export(tmp_path / "lib", sources=True, march=flag("target"))
    assert '#pragma GCC optimize("no-ipa-pure-const", "no-ipa-modref"' in bundle.source.read_text()
    for level in ("-O2", "-O3"):
        done = selftest(bundle, tmp_path / "test", "gcc", "-std=c99", level)
        assert done.stdout == "passed\n"


# without a system -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    return MAKERS["classifier"]().export(tmp_path_factory.mktemp("bare"), freestanding=True)


def test_a_freestanding_bundle(bare):
    names = {path.name for path in bare.files}
    assert names == {
        "digit_model.c", "digit_model.h", "digit_model_weights.c", "digit_model_selftest.c",
        "example_digit_model.c", "README_digit_model.md",
    }  # fmt: skip
    header = bare.header.read_text()
    for name in ("create", "destroy", "save", "load", "set_threads", "map_image", "clone_shared"):
        assert f"digit_model_{name}(" not in header
    assert "digit_model_init(" in header and "digit_model_train_step(" in header


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_freestanding_library_computes_the_same(bare, tmp_path, compiler):
    need(compiler)
    assert selftest(bare, tmp_path / "test", compiler, *STRICT, "-O1").stdout == "passed\n"
    run(compiler, *STRICT, "-O1", f"-I{bare.directory}", bare.directory / "example_digit_model.c",
        bare.source, bare.weights_source, "-lm", "-o", tmp_path / "example")  # fmt: skip
    assert "loss" in run(tmp_path / "example")


def asked_for(listed: str) -> set[str]:
    return set(re.findall(r"^ +U (\w+)$", listed, re.MULTILINE))


def test_it_asks_nothing_but_memcpy_and_math(bare, tmp_path):
    """memset is what gcc makes of variables that begin with zeros, whatever it is told."""
    need("nm")
    run("gcc", *STRICT, "-O2", "-ffreestanding", "-c", bare.source, "-o", tmp_path / "bare.o")
    found = asked_for(run("nm", "-u", tmp_path / "bare.o"))
    assert found <= {"memcpy", "memset", "sqrtf", "digit_model_data"}


def test_it_compiles_for_a_cortex_m7(bare, tmp_path, capsys):
    need("arm-none-eabi-gcc")
    sizes = {}
    for name in ("source", "weights_source"):
        path = tmp_path / f"{name}.o"
        run("arm-none-eabi-gcc", "-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16",
            "-mfloat-abi=hard", *STRICT, "-Os", "-c", getattr(bare, name), "-o", path)  # fmt: skip
        line = run("arm-none-eabi-size", path).splitlines()[1].split()
        sizes[name] = [int(n) for n in line[:3]]
    found = asked_for(run("arm-none-eabi-nm", "-u", tmp_path / "source.o"))
    assert {n for n in found if not n.startswith("__aeabi_")} <= {
        "memcpy", "memset", "sqrtf", "digit_model_data",
    }  # fmt: skip
    with capsys.disabled():
        print(f"\ncortex-m7: text, data, bss of the library {sizes['source']}, its weights "
              f"{sizes['weights_source']}")  # fmt: skip
    text, data, bss = sizes["source"]
    assert text < 80_000 and data == bss == 0


# what does not go together ----------------------------------------------------------------------


def test_choices_that_are_refused(exported, tmp_path):
    model = exported("plain")[0]
    with pytest.raises(ValueError, match="it goes with neither `target` nor"):
        model.export(tmp_path, freestanding=True, target="wasm32-wasi")
    with pytest.raises(ValueError, match="`weights` must be 'embedded' or 'file'"):
        model.export(tmp_path, weights="nowhere")
    for target in ("arm", "a-b-c-d"):
        with pytest.raises(ValueError, match="`target` must be a processor, a system"):
            model.export(tmp_path, target=target)
    assert not list(tmp_path.iterdir())
