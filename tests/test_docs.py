"""What docs/ shows is what there is: the dumps of its pages, and its pictures."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fncompile.ir.ops import OPS
from fncompile.passes.pipeline import LOWER, TRANSFORM
from tests.csrc.test_csrc import FLAGS
from tests.test_layering import ROOMS
from tests.tools import need

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_the_page_about_dense_shows_what_the_compiler_writes(make, quickly_compiled):
    script = make("make_dense_page")
    page = (DOCS / "dense.md").read_text()
    assert script.filled(page, script.dumps()) == page, "run python docs/make_dense_page.py"


def test_a_block_that_would_be_empty_is_an_error(make):
    script = make("make_dense_page")
    with pytest.raises(ValueError, match="nothing to show of fuse"):
        script.filled("```text predict fuse only=nobody\n```", {"predict": {"fuse": "plan\n"}})


def test_the_page_about_dense_names_every_pass():
    page = (DOCS / "dense.md").read_text()
    kinds = [table[kind] for table in (TRANSFORM, LOWER) for kind in ("infer", "train")]
    names = {p.name for kind in kinds for p in kind}
    named_in_titles = {"fuse", "schedule"}
    missing = {n for n in names - named_in_titles if f"**{n}**" not in page}
    assert not missing and all(f"## {i}. {n}" in page for i, n in ((4, "fuse"), (5, "schedule")))


def test_the_picture_of_the_house_is_the_drawn_one(make):
    drawn = make("make_house").draw(ROOMS)
    assert drawn == (DOCS / "house.svg").read_text(), "run python docs/make_house.py"


def test_the_picture_of_the_house_has_every_room_once(make):
    house = make("make_house")
    places, arrows = house.places(ROOMS), house.longest_ways(ROOMS)
    assert set(places) == set(ROOMS)
    assert len({(x, y) for x, y, _ in places.values()}) == len(ROOMS)
    assert all(places[a][1] < places[b][1] for a in ROOMS for b in arrows[a]), "arrows point down"


def test_the_picture_of_the_pipeline_is_the_drawn_one(make):
    assert make("make_pipeline").draw() == (DOCS / "pipeline.svg").read_text()


def test_the_first_page_counts_the_kinds_of_ops():
    assert f"a program of {len(OPS)} kinds of ops" in (DOCS / "index.md").read_text()


PRODUCT = """
#include <stdio.h>
#include <stdlib.h>
#include "gemm_shapes.h"
enum { M = 29, N = 131, K = 67 };
static float a[M * K], b[K * N], c[M * N];
static void keep(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr, const float *acc) {
    for (int64_t i = 0; i < mr; ++i)
        for (int64_t j = 0; j < nr; ++j) c[(m + i) * N + n + j] = acc[i * FNC_NR_F32 + j];
    (void)env;
}
int main(void) {
    for (int i = 0; i < M * K; ++i) a[i] = (float)(i * 7 % 11 - 5);
    for (int i = 0; i < K * N; ++i) b[i] = (float)(i * 5 % 13 - 6);
    const fnc_gemm_args_f32 p = {.M = M, .N = N, .K = K, .A = a, .rs_a = K, .cs_a = 1, .B = b,
        .ldb = N, .m1 = M, .n1 = N, .tiles = &TILES, .epilogue = keep, .unit = FNC_BY_TILE};
    fnc_gemm_segments_f32(&p);
    for (int m = 0; m < M; ++m)
        for (int n = 0; n < N; ++n) {
            float sum = 0;
            for (int k = 0; k < K; ++k) sum += a[m * K + k] * b[k * N + n];
            if (c[m * N + n] != sum) return 1;
        }
    return 0;
}
"""


@pytest.mark.parametrize(
    ("number", "flags"), [(0, ["-DTILES=fnc_tiles_f32_5"]), (1, ["-DTILES=fnc_tiles_f32_3"])]
)
def test_the_changes_that_contributors_are_shown_work(number, flags, tmp_path):
    """Applied to a copy of csrc, each multiplies rightly. The instruction set is only named
    here, so that its row of tiles is taken. Of small whole numbers any order of sums is exact."""
    need("patch")
    diffs = re.findall(r"^```diff\n(.*?)^```", (DOCS / "contributing.md").read_text(), re.S | re.M)
    assert len(diffs) == 2 and all(len(re.findall("^--- ", d, re.M)) <= 4 for d in diffs)
    shutil.copytree(DOCS.parent / "csrc", tmp_path / "csrc")
    applied = subprocess.run(
        ["patch", "-p1", "-d", str(tmp_path)], input=diffs[number], text=True, capture_output=True
    )
    assert applied.returncode == 0, applied.stdout
    source, program = tmp_path / "product.c", tmp_path / "product"
    source.write_text(PRODUCT)
    kern = f"-I{tmp_path / 'csrc' / 'kern'}"
    named = ["-D__VSX__"] if number else []
    command = ["gcc", *FLAGS, *flags, *named, kern, str(source), "-o", str(program), "-lm"]
    done = subprocess.run(command, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert subprocess.run([str(program)]).returncode == 0
