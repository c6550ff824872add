"""What a bundle has besides the library and its header: a face for C++, CMake's files, and a
self-test."""

from __future__ import annotations

import subprocess

import pytest

from fncompile.flags import flag
from tests.export.library import STRICT, build_selftest
from tests.export.zoo import MAKERS
from tests.tools import need, run


@pytest.mark.parametrize("name", MAKERS)
def test_the_self_test_passes(exported, name, tmp_path):
    bundle = exported(name)[1].bundle
    dialect = "clang-c++11" if name == "classifier" else "gcc-c99"
    program = build_selftest(bundle, bundle.static, tmp_path / "test", dialect)
    assert run(program) == "passed\n"


@pytest.mark.parametrize("name", MAKERS)
def test_exporting_changes_nothing_of_the_model(name, tmp_path):
    """Though the self-test's values come from a step on it: weights, optimizer, seeds, metrics."""
    model = MAKERS[name]()
    steps = model.steps()
    model.export(tmp_path / "one", march=flag("target"))
    memories = [m for m in (steps.weights, steps.train_memory) if m is not None]
    before = [m.block.memory.copy() for m in memories]
    model.export(tmp_path / "two", march=flag("target"))
    for memory, contents in zip(memories, before, strict=True):
        assert memory.block.memory.tobytes() == contents.tobytes()
    selftest = next((tmp_path / "one").glob("*_selftest.c")).name
    first, second = ((tmp_path / d / selftest).read_bytes() for d in ("one", "two"))
    assert first == second


@pytest.mark.parametrize("name", ["classifier", "plain"])
def test_the_self_test_finds_a_weight_that_was_changed(exported, name, tmp_path):
    """One bit of one of the weights, in the library's file."""
    model, library = exported(name)
    bundle = library.bundle
    raw = bytearray(bundle.soname.read_bytes())
    weight = model.get_weights()[0]
    place = raw.find(weight.tobytes())
    assert place > 0 and raw.find(weight.tobytes(), place + 1) < 0
    raw[place + 4 * 7] ^= 1
    changed = tmp_path / bundle.soname.name
    changed.write_bytes(raw)
    program = build_selftest(bundle, changed, tmp_path / "test")
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout.startswith("weights: not those of the export\n")


def test_the_self_test_finds_wrong_values_and_gradients(exported, tmp_path):
    """Of a library that computes with other weights than it says."""
    bundle = exported("classifier")[1].bundle
    text = bundle.selftest.read_text()
    text = text.replace("    values(ctx);", "    double_them(ctx);\n    values(ctx);")
    helper = """static void double_them(digit_model_ctx *ctx) {
    static float all[DIGIT_MODEL_NUM_PARAMS];
    digit_model_get_params(ctx, all, DIGIT_MODEL_NUM_PARAMS);
    for (int i = 0; i < DIGIT_MODEL_NUM_PARAMS; ++i) all[i] *= 2;
    digit_model_set_params(ctx, all, DIGIT_MODEL_NUM_PARAMS);
}

int main"""
    source = tmp_path / "wrong.c"
    source.write_text(text.replace("int main", helper))
    run("gcc", "-std=c99", *STRICT, source, f"-I{bundle.directory}", bundle.static, "-lm",
        "-pthread", "-o", tmp_path / "wrong")  # fmt: skip
    done = subprocess.run([tmp_path / "wrong"], capture_output=True, text=True)
    assert done.returncode == 1
    for what in ("digit: ", "loss: ", "hidden/kernel: ", "digit/bias: "):
        assert f"\n{what}" in f"\n{done.stdout}"


# C++ --------------------------------------------------------------------------------------------

CPP = """
#include <cstdio>
#include <vector>

#include "digit_model.hpp"

int main() {
    std::vector<float> images(6 * DIGIT_MODEL_IN_IMG_SIZE, 0.5f);
    std::vector<float> one(6 * DIGIT_MODEL_OUT_DIGIT_SIZE), two(one.size());
    std::vector<int32_t> labels(6, 3);
    float first = 0, last = 0;
    digit_model::model model(DIGIT_MODEL_TRAIN, 6);
    model.train_step(6, images.data(), labels.data(), &first);
    for (int i = 0; i < 20; ++i) model.train_step(6, images.data(), labels.data(), &last);
    digit_model::model moved(std::move(model)), shared = moved.clone_shared();
    moved.predict(6, images.data(), one.data());
    shared.predict(6, images.data(), two.data());
    try {
        shared.predict(7, images.data(), two.data());
    } catch (const digit_model::error &wrong) {
        std::printf("%d %s\\n", (int)wrong.status(), wrong.what());
    }
    return one == two && last < first && model.get() == nullptr ? 0 : 1;
}
"""


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_the_face_for_cpp(exported, tmp_path, compiler):
    need(compiler)
    bundle = exported("classifier")[1].bundle
    source = tmp_path / "face.cpp"
    source.write_text(CPP)
    run(compiler, "-std=c++11", *STRICT, source, f"-I{bundle.directory}", bundle.static,
        "-pthread", "-o", tmp_path / "face")  # fmt: skip
    assert run(tmp_path / "face").startswith("-2 a size is larger than the context")


CMAKE = """cmake_minimum_required(VERSION 3.10)
project(consumer C CXX)
set(CMAKE_C_STANDARD 99)
set(CMAKE_CXX_STANDARD 11)
find_package(digit_model 0.1 REQUIRED)
add_executable(one test.c)
target_link_libraries(one digit_model::shared)
add_executable(two test.c)
target_link_libraries(two digit_model::static)
add_executable(face face.cpp)
target_link_libraries(face digit_model::static)
find_package(digit_model 99 QUIET)
if(digit_model_FOUND)
  message(FATAL_ERROR "a version that is too old was found")
endif()
"""


def test_cmake_finds_both_libraries(exported, tmp_path):
    need("cmake", "make", "g++")
    bundle = exported("classifier")[1].bundle
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    (tmp_path / "test.c").write_text(bundle.selftest.read_text())
    (tmp_path / "face.cpp").write_text(CPP)
    out = tmp_path / "out"
    run("cmake", "-S", tmp_path, "-B", out, f"-Ddigit_model_DIR={bundle.directory}")
    run("cmake", "--build", out)
    assert run(out / "one") == run(out / "two") == "passed\n"
    run(out / "face")


def test_who_owns_what_is_said(exported):
    bundle = exported("plain")[1].bundle
    for path in (bundle.header, bundle.wrapper, bundle.cmake, bundle.readme):
        text = " ".join(path.read_text().replace("*", " ").replace("#", " ").split())
        assert "belong to those who made the model" in text and "Apache-2.0" in text, path


RUST = """
use std::os::raw::{c_char, c_void};
#[link(name = "digit_model", kind = "static")]
extern "C" {
    fn digit_model_create(mode: i32, max_batch: i64, result: *mut *mut c_void) -> i32;
    fn digit_model_predict(ctx: *mut c_void, n: i64, img: *const f32, digit: *mut f32) -> i32;
    fn digit_model_train_step(ctx: *mut c_void, n: i64, img: *const f32, target: *const i32,
                              loss: *mut f32) -> i32;
    fn digit_model_status_str(status: i32) -> *const c_char;
    fn digit_model_destroy(ctx: *mut c_void);
}
fn main() {
    let (img, target) = (vec![0.25f32; 4 * 20], vec![3i32; 4]);
    let (mut out, mut loss, mut first) = (vec![0f32; 4 * 10], 0f32, 0f32);
    let mut ctx: *mut c_void = std::ptr::null_mut();
    unsafe {
        assert_eq!(digit_model_create(2, 4, &mut ctx), 0);
        assert_eq!(digit_model_train_step(ctx, 4, img.as_ptr(), target.as_ptr(), &mut first), 0);
        for _ in 0..50 {
            digit_model_train_step(ctx, 4, img.as_ptr(), target.as_ptr(), &mut loss);
        }
        assert_eq!(digit_model_predict(ctx, 4, img.as_ptr(), out.as_mut_ptr()), 0);
        let refused = digit_model_predict(ctx, 5, img.as_ptr(), out.as_mut_ptr());
        let words = std::ffi::CStr::from_ptr(digit_model_status_str(refused));
        println!("{} {}", refused, words.to_str().unwrap());
        digit_model_destroy(ctx);
    }
    assert!(loss < first && (out[..10].iter().sum::<f32>() - 1.0).abs() < 1e-5);
}
"""


def test_a_rust_program(exported, tmp_path):
    need("rustc")
    bundle = exported("classifier")[1].bundle
    (tmp_path / "consumer.rs").write_text(RUST)
    run("rustc", "consumer.rs", "-L", bundle.directory, "-l", "m", cwd=tmp_path)
    assert run(tmp_path / "consumer") == "-2 a size is larger than the context was made for\n"
