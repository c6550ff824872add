"""The files of an export: what they contain, and that C and C++ programs build with them."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
from ctypes import POINTER, c_char_p
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fncompile
from fncompile.codegen.c_names import identifier
from fncompile.codegen.cprint import comment_block
from fncompile.export.api.tables import quoted
from fncompile.export.bundle import make_sources
from fncompile.export.prefix import model_prefix
from fncompile.flags import flag
from fncompile.runtime import cache
from fncompile.runtime.toolchain import CompileError
from tests.export.library import DIALECTS, STRICT, Library
from tests.export.zoo import MAKERS, data
from tests.tools import environment, need, run


def test_a_bundle_has_these_files_and_no_others(exported):
    bundle = exported("classifier")[1].bundle
    m = "digit_model"
    assert bundle.prefix == m
    expected = {
        f"lib{m}.so", f"lib{m}.so.1", f"lib{m}.a", f"{m}.h", f"{m}.hpp", f"{m}.pc",
        f"{m}Config.cmake", f"{m}ConfigVersion.cmake", f"example_{m}.c", f"{m}_selftest.c",
        f"README_{m}.md",
    }  # fmt: skip
    assert set(bundle.files) == {bundle.directory / name for name in expected}
    assert {p.name for p in bundle.directory.iterdir()} == expected


@pytest.mark.parametrize("name", ["classifier", "plain"])
def test_only_the_model_s_own_names_are_exported(exported, name):
    need("nm")
    library = exported(name)[1]
    lines = run("nm", "-D", "--defined-only", library.bundle.shared).splitlines()
    names = [line.split()[-1] for line in lines]
    assert names and all(n.startswith(f"{library.prefix}_") for n in names)
    assert all(line.split()[-2] == "T" for line in lines)
    declared = set(re.findall(rf"_API [^;]*?({library.prefix}_\w+)\(", library.text))
    assert declared == set(names)


@pytest.mark.parametrize("name", ["classifier", "plain"])
def test_global_names_of_the_archive_carry_the_prefix(exported, name):
    need("nm")
    library = exported(name)[1]
    names = [
        line.split()[-1]
        for line in run("nm", "-g", "--defined-only", library.bundle.static).splitlines()
        if " " in line
    ]
    assert names and all(n.startswith(f"{library.prefix}_") for n in names)


def test_nothing_in_the_library_can_be_written(exported, tmp_path):
    """No object has data or bss; tables of pointers are made read-only by the loader."""
    need("size")
    bundle = exported("classifier")[1].bundle
    run("ar", "x", bundle.static, cwd=tmp_path)
    objects = list(tmp_path.glob("*.o"))
    assert len(objects) == 10
    for path in objects:
        sections = dict(
            line.split()[:2]
            for line in run("size", "-A", path).splitlines()
            if line.startswith(".")
        )
        assert not [
            s
            for s, n in sections.items()
            if re.match(r"\.(data|bss|tdata|tbss)(?!\.rel\.ro)", s) and int(n)
        ], path


def test_nothing_but_the_c_library_is_needed(exported):
    need("readelf")
    text = run("readelf", "-d", exported("classifier")[1].bundle.shared)
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", text))
    assert needed <= {"libc.so.6", "libm.so.6"}
    assert re.findall(r"SONAME.*\[(.*)\]", text) == ["libdigit_model.so.1"]
    assert "TEXTREL" not in text and "NOW" in text


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", MAKERS)
def test_the_example_builds_and_runs(exported, name, dialect, tmp_path):
    command = DIALECTS[dialect]
    need(command[0])
    bundle = exported(name)[1].bundle
    program = tmp_path / "example"
    run(
        *command,
        bundle.example,
        f"-I{bundle.directory}",
        "-x",
        "none",
        bundle.static,
        "-lm",
        "-o",
        program,
    )
    printed = run(program, *([tmp_path / "kept.weights.h5"] if name != "plain" else []))
    assert printed.count(":") >= (2 if name == "plain" else 12) and "nan" not in printed
    assert (tmp_path / "kept.weights.h5").exists() == (name != "plain")


def test_the_header_alone_is_a_whole_unit(exported, tmp_path):
    """Included first, twice, and with names in the way that a program may have."""
    library = exported("classifier")[1]
    source = tmp_path / "twice.c"
    source.write_text(f'#include "{library.prefix}.h"\n' * 2 + "int ctx, dims, fnc_ctx, OK;\n")
    need("gcc")
    run(*DIALECTS["gcc-c99"], "-c", source, f"-I{library.bundle.directory}", "-o", tmp_path / "x.o")


def test_the_readme_of_a_bundle_runs_as_printed(exported, tmp_path):
    """Every command in it, and what it says of Rust."""
    need("pkg-config", "rustc")
    bundle = exported("classifier")[1].bundle
    folder = tmp_path / "moved"
    shutil.copytree(bundle.directory, folder)
    text = (folder / bundle.readme.name).read_text()
    shown = run("sh", "-ec", "\n".join(re.findall(r"^    (.*)", text, re.M)), cwd=folder)
    assert shown.count("step 9: loss") == 2 and shown.endswith("passed\n")
    (folder / "main.rs").write_text(RUST)
    [rust] = re.findall("`(rustc .*)`", text)
    run("sh", "-ec", f"{rust} -o from_rust", cwd=folder)
    assert run(folder / "from_rust") == "1\n"


RUST = """
extern "C" { fn digit_model_abi_version() -> i32; }
fn main() { println!("{}", unsafe { digit_model_abi_version() }); }
"""


def test_pkg_config_shared_and_static_wherever_the_bundle_is(exported, tmp_path):
    need("pkg-config")
    bundle = exported("classifier")[1].bundle
    moved = tmp_path / "some where"
    shutil.copytree(bundle.directory, moved)
    env = environment(PKG_CONFIG_PATH=str(moved))
    assert (
        run("pkg-config", "--modversion", bundle.prefix, env=env).strip() == fncompile.__version__
    )

    def flags(*more):
        return run("pkg-config", "--cflags", "--libs", *more, bundle.prefix, env=env).strip()

    build = "cc -std=c99 '{0}' {1} -o {2}"
    example = moved / bundle.example.name
    run("sh", "-c", build.format(example, flags() + f" -Wl,-rpath,'{moved}'", tmp_path / "shared"))
    run(tmp_path / "shared")
    archive = run("pkg-config", "--variable=archive", bundle.prefix, env=env).strip()
    both = flags("--static").replace(f"-l{bundle.prefix}", archive)
    assert "-lm" in both
    run("sh", "-c", build.format(example, both, tmp_path / "static"))
    moved.rename(tmp_path / "gone")
    run(tmp_path / "static")


TWO = """
#include "{0}.h"
#include "{1}.h"
static float x[32], y[64], z[64], s[1], t[1];
int main(void) {{
    {0}_ctx *a;
    {1}_ctx *b;
    if ({0}_create({2}_PREDICT, 4, &a) || {1}_create({3}_PREDICT, 4, &b)) return 1;
    if ({0}_predict(a, 4, x, y, s) || {1}_predict(b, 4, x, z, t)) return 2;
    for (int i = 0; i < 32; ++i) if (y[i] != z[i]) return 3;
    {0}_destroy(a);
    {1}_destroy(b);
    return 0;
}}
"""


@pytest.mark.parametrize(
    "kinds", [("static", "static"), ("shared", "shared"), ("shared", "static")]
)
def test_two_libraries_in_one_program(exported, tmp_path, kinds):
    """One model under two names: all that could clash would."""
    model, one = exported("plain")
    other = model.export(tmp_path, prefix="twin", march=flag("target"))
    source, program = tmp_path / "two.c", tmp_path / "two"
    source.write_text(TWO.format("plain", "twin", "PLAIN", "TWIN"))
    files = [getattr(bundle, kind) for bundle, kind in zip((one.bundle, other), kinds, strict=True)]
    paths = [f"-Wl,-rpath,{one.bundle.directory}", f"-Wl,-rpath,{tmp_path}"]
    run(
        "cc",
        "-std=c99",
        source,
        f"-I{one.bundle.directory}",
        f"-I{tmp_path}",
        *files,
        *paths,
        "-lm",
        "-o",
        program,
    )
    run(program)


# what is asked for ------------------------------------------------------------------------------


def test_training_can_be_left_out(exported):
    model, _ = exported("classifier")
    made = make_sources(model, "digit_model", False)
    assert set(made.entries) == {"predict"} and not re.search(r"train(?!able)", made.header, re.I)


def test_training_needs_a_loss(tmp_path):
    model = MAKERS["plain"]()
    with pytest.raises(ValueError, match="Exporting 'plain' with training=True needs a loss"):
        model.export(tmp_path, training=True, march=flag("target"))
    model.compile("sgd")
    with pytest.raises(ValueError, match="needs a loss"):
        model.export(tmp_path, training=True, march=flag("target"))
    assert set(make_sources(model, "plain", model.steps().can_train()).entries) == {"predict"}


@pytest.mark.parametrize("prefix", ["", "Model", "a-b", "7up", "_x", "a__b", "fnc", "é", "x_"])
def test_prefixes_that_are_no_c_names(exported, tmp_path, prefix):
    with pytest.raises(ValueError, match="`prefix` must be a C name"):
        exported("plain")[0].export(tmp_path, prefix=prefix, march=flag("target"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "prefix"), [
    ("mnist_model", "mnist_model"), ("My Model-2", "my_model_2"), ("2 big", "model_2_big"),
    ("модель", "model"), ("__xy_z__", "xy_z"), ("fnc", "model_fnc"), ("int", "int"), ("", "model"),
    ("features", "features_model"), ("signal", "signal_model"), ("pthread", "pthread_model"),
    ("time", "time_model"), ("math", "math_model"), ("string", "string_model"), ("m", "m_model"),
    ("errno", "errno_model"), ("c", "c_model"), ("timer", "timer_model"), ("step", "step_model"),
    ("fnc_abi", "model_fnc_abi"), ("predict", "predict"),
])  # fmt: skip
def test_prefixes_of_model_names(name, prefix):
    assert model_prefix(name) == prefix
    assert re.fullmatch(r"[a-z](_?[a-z0-9])*_?", identifier(name))


def test_long_names_of_models_stay_apart():
    one, two = (model_prefix("x" * 10_000 + end) for end in "ab")
    assert len(one) == len(two) == 100 and one != two
    assert model_prefix(one) == one and model_prefix("y" * 100) == "y" * 100


def test_the_longest_name_is_exported_for_every_level(tmp_path):
    stack = [fncompile.Input((2,)), fncompile.layers.Dense(1)]
    model = fncompile.Sequential(stack, name="x" * 9999)
    bundle = model.export(tmp_path)
    program = tmp_path / "p"
    run("gcc", bundle.example, f"-I{tmp_path}", bundle.static, "-lm", "-pthread", "-o", program)
    run(program)


def system_names() -> set[str]:
    """Headers and libraries that this system has from the C library and the compiler, and what
    comes before `_create` and the like in functions of the C library."""
    need("nm")
    owners = ("libc6-dev", "libgcc", "libstdc++", "libcrypt-dev", "linux-libc-dev")
    listed = Path("/var/lib/dpkg/info")
    files = [
        Path(line)
        for package in owners
        for path in listed.glob(f"{package}*.list")
        for line in path.read_text().splitlines()
    ]
    top = [Path("/usr/include"), *(p.parent for p in files if p.match("gcc/*/*/include/stddef.h"))]
    headers = {p.stem for p in files if p.suffix == ".h" and p.parent in top}
    libraries = {re.match(r"lib(\w+)\.(so|a)", p.name) for p in files}
    suffixes = ("create", "init", "destroy", "predict", "load", "save", "metrics", "iterations")
    functions = set()
    for library in Path("/lib").glob("*-linux-gnu/lib[cm].so.6"):
        lines = run("nm", "-D", "--defined-only", library).splitlines()
        names = (line.split()[-1].split("@")[0] for line in lines)
        found = (re.fullmatch(rf"([a-z]\w*)_({'|'.join(suffixes)})", n) for n in names)
        functions |= {match[1] for match in found if match}
    return headers | {found[1] for found in libraries if found} | functions


def test_no_prefix_is_a_name_of_this_system():
    found = {n for n in system_names() if re.fullmatch("[A-Za-z][A-Za-z0-9_-]*", n)}
    assert len(found) > 100 and {"signal", "pthread", "features", "sem"} <= found
    as_prefix = {re.sub(r"[-_]+", "_", n.lower()) for n in found}
    assert sorted(n for n in as_prefix if model_prefix(n) == n and "intrin" not in n) == []


@pytest.mark.parametrize("name", ["signal", "m", "timer", "step", "gemm", "predict", "x" * 10_000])
def test_models_called_like_something_else_build_and_run(tmp_path, name):
    """The example includes headers of the system and links its libraries beside the model's."""
    x = fncompile.Input((2,), name=name)
    model = fncompile.Model(x, fncompile.layers.Dense(8, name=f"{name}_2")(x), name=name)
    bundle = model.export(tmp_path, march=flag("target"))
    strict = ["gcc", "-std=c99", *STRICT, bundle.example, f"-I{tmp_path}"]
    run(*strict, f"-L{tmp_path}", f"-l{bundle.prefix}", "-lm", "-pthread", "-o", tmp_path / "one")
    run(*strict, bundle.static, "-lm", "-pthread", "-o", tmp_path / "two")
    shown = run(tmp_path / "one", env=environment(LD_LIBRARY_PATH=str(tmp_path)))
    assert shown == run(tmp_path / "two") and shown.count(" ") == 8


ODD = [
    "\x1f", "\x7f", "a\x0bb", "\x85", "a\u2028b", "\u202e", "²", "İ", "a\nb", "a\r", "a\tb", "??)",
    "printf", "fnc_ctx", "the_model", "run_predict", "k00_x", "main", "%s", '"', "\\", "*",
    "NULL", "errno", "stdin", "ctx", "index", "int",
]  # fmt: skip


@pytest.mark.parametrize("start", range(0, len(ODD), 7))
def test_odd_names_give_sound_c_and_files(tmp_path, start):
    """Of inputs, layers, outputs, metrics and the model; C literals give them back."""
    names = ODD[start : start + 7]
    inputs = [fncompile.Input((2,), name=name) for name in names]
    outputs = [
        fncompile.layers.Dense(2, name=f"{name}1")(x) for x, name in zip(inputs, names, strict=True)
    ]
    model = fncompile.Model(inputs, outputs, name=names[0])
    model.compile("sgd", "mse")
    for suffix in ("keras", "h5", "weights.h5"):
        path = tmp_path / f"x.{suffix}"
        model.save_weights(path) if suffix == "weights.h5" else model.save(path)
        model.load_weights(path)
    bundle = model.export(tmp_path / "lib", march=flag("target"))
    command = ["gcc", "-std=c99", *STRICT, "-Wno-unused", "-trigraphs", bundle.example]
    run(*command, f"-I{bundle.directory}", bundle.static, "-lm", "-pthread", "-o", tmp_path / "p")
    run(tmp_path / "p")
    library = Library(bundle)
    count = int(library.macro("NUM_TENSORS"))
    shown = [ctypes.cast(library.param_info(i), POINTER(c_char_p))[0] for i in range(count)]
    assert [text.decode() for text in shown] == [v.path for v in model.weights]


@given(st.text(min_size=1))
@settings(max_examples=300)
def test_any_text_in_a_c_string_and_in_a_comment(text):
    """The literal, read by the rules of C, is the text; a comment ends where it ends."""
    try:
        literal = quoted(text).text
    except UnicodeEncodeError:
        assume(False)
    assert "??" not in literal and literal.isascii() and "\n" not in literal
    plain = literal[1:-1].replace("?\\?", "??").encode().decode("unicode_escape")
    assert plain.encode("latin-1").decode() == text
    lines = list(comment_block(text))
    assert all(line.isprintable() for line in lines)
    assert "\n".join(lines).find("*/") in (-1, len("\n".join(lines)) - 2)


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x\udfff"])
def test_names_that_no_file_can_hold_are_refused(name):
    for make in (
        lambda: fncompile.Input((2,), name=name),
        lambda: fncompile.layers.Dense(1, name=name),
        lambda: fncompile.Sequential(name=name),
    ):
        with pytest.raises(ValueError, match="no NUL and no half of a surrogate pair") as caught:
            make()
        assert ascii(name) in str(caught.value)


def test_names_that_mean_something_in_c_or_in_a_shell(tmp_path):
    """They stand in comments, strings and descriptions, and end none of them."""
    need("pkg-config")
    x = fncompile.Input((2,), name='a * "b" \\')
    y = fncompile.layers.Dense(8, name="%d é ??")(x)
    model = fncompile.Model(x, y, name='"${x}" `id`\n#error \\')
    bundle = model.export(tmp_path, march=flag("target"))
    assert bundle.prefix == "x_id_error"
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-trigraphs"]
    program = tmp_path / "p"
    run(*command, bundle.example, f"-I{tmp_path}", bundle.static, "-lm", "-o", program)
    assert run(program).startswith("d:")
    run("pkg-config", "--cflags", bundle.prefix, env=environment(PKG_CONFIG_PATH=str(tmp_path)))


def test_a_model_that_does_not_know_its_inputs(tmp_path):
    class Twice(fncompile.Model):
        def call(self, x):
            return x * 2

    model = Twice(name="twice")
    with pytest.raises(ValueError, match="'twice' has no fixed inputs: call `predict`"):
        model.export(tmp_path, march=flag("target"))


def test_a_failing_compiler_leaves_the_earlier_export(exported, tmp_path, monkeypatch):
    model, _ = exported("plain")
    bundle = model.export(tmp_path, march=flag("target"))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    monkeypatch.setenv("FNC_CFLAGS", "-include no_such_file.h")
    with pytest.raises(CompileError, match="no_such_file"):
        model.export(tmp_path, march=flag("target"))
    assert {p.name: p.read_bytes() for p in bundle.directory.iterdir()} == before


def test_the_same_model_gives_the_same_files(exported, tmp_path):
    model, library = exported("plain")
    again = model.export(tmp_path, march=flag("target"))
    for path in library.bundle.directory.iterdir():
        assert path.read_bytes() == (again.directory / path.name).read_bytes(), path.name


def test_interpreted_models_are_exported_compiled(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("FNC_INTERP", "1")
    model = MAKERS["plain"]()
    model.predict([[0.0] * 6], verbose=0)
    assert (
        make_sources(model, "plain", False).entries
        == make_sources(exported("plain")[0], "plain", False).entries
    )


def test_another_target(exported, tmp_path):
    if os.uname().machine != "x86_64":
        pytest.skip("names of x86-64")
    model, _ = exported("plain")
    bundle = model.export(tmp_path, march="x86-64-v3")
    assert "-march=x86-64-v3" in bundle.readme.read_text()


def test_python_compiles_of_an_export_what_its_self_test_calls_and_the_rest_when_it_is_called(
    tmp_path, monkeypatch
):
    """Predictions and gradients; the other entries are text, which the library has. Training goes
    on as if there had been no export."""
    compiled: list[str] = []

    def counted(units, **more):
        compiled.extend(units)
        return build(units, **more)

    build = cache.build_library
    monkeypatch.setattr(cache, "build_library", counted)
    weights = []
    for exports in (True, False):
        model = MAKERS["scheduled"]()
        begin = [np.linspace(-1, 1, w.size).reshape(w.shape) for w in model.get_weights()]
        model.set_weights(begin)
        if exports:
            model.export(tmp_path, march=flag("target"))
            assert sorted(name.removesuffix("_2") for name in compiled) == ["gradient", "predict"]
        x, y = data("scheduled", 8)
        model.train_on_batch(x, y)
        assert compiled.pop().startswith("train_step")
        weights.append(model.get_weights())
    for after, plain in zip(*weights, strict=True):
        np.testing.assert_array_equal(after, plain)
