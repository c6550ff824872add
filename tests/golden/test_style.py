"""Golden C reads as if written by hand: what a reviewer would ask for, asked of every file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fncompile.codegen.cprint import wrap

SOURCES = sorted((Path(__file__).parent / "files").glob("*.c"))
COMMENT = re.compile(r"/\*.*?\*/", re.S)
# Where numbers get their names, and functions that give the size of the whole.
NAMED = re.compile(r"^(?:#define .*| +enum \{[^}]*\};| +const int64_t amount = .*)$", re.M)
SIZES = re.compile(
    r"^(?:FNC_EXPORT|static) \w+ (?:amount|check|row_bytes|\w+_arena).*?^}", re.M | re.S
)


@pytest.fixture(params=SOURCES, ids=lambda path: path.stem)
def source(request) -> str:
    return request.param.read_text()


def test_lines_are_at_most_100_characters(source):
    assert [line for line in source.splitlines() if len(line) > 100] == []


def test_axes_of_a_formula_stay_together(source):
    """`for i<B,` at the end of a line left a lone `j<10` on the next."""
    comments = "\n".join(COMMENT.findall(source))
    assert re.findall(r"^ \*\s+\w+<\S+,?$", comments, re.M) == []


@pytest.mark.parametrize("lines", [
    ["    const float *restrict conv2d_1_moving_variance =",
     "            (const float *)(env->weights + AT_CONV2D_1_MOVING_VARIANCE + AN_OFFSET);"],
    ["        sum_of_four_pixels = conv2d_tanh[336 * i + 12 * j + k + 1] +",
     "                conv2d_tanh[336 * i + 12 * j + k + 6];"],
    ["        call_of_a_function(first_factor + argument * of_three, second_one - argument,",
     "                third_summand + last);"],
    ["static const fnc_stretch the_only_one_of_its_kind = {first_function, second_function,",
     "        third_function};"],
])  # fmt: skip
def test_long_lines_break_between_operands(lines):
    """Not inside an index or an argument, where there is a space outside of it."""
    indent = (len(lines[0]) - len(lines[0].lstrip())) // 4
    assert list(wrap(" ".join([lines[0], *(x.strip() for x in lines[1:])]), indent)) == lines


def test_large_numbers_have_names(source):
    """Extents and offsets: only sizes of the whole, and constants of the model, stand alone."""
    code = SIZES.sub("", NAMED.sub("", COMMENT.sub("", source)))
    assert re.findall(r"^.*(?<![\w.])\d{3,}(?![\w.]).*$", code, re.M) == []


def test_names_say_what_things_are(source):
    """No t16, p_x, r0, v0_1, run0: letters are axes and sizes."""
    code = COMMENT.sub("", source)
    assert set(re.findall(r"\b(?:[prstv]\d+(?:_\d+)?|p_\w+|run\d+)\b", code)) == set()


def test_every_constant_is_used(source):
    for name in re.findall(r"^#define (\w+)", source, re.M):
        assert len(re.findall(rf"\b{name}\b", source)) > 1, name


def test_no_two_functions_are_alike(source):
    """The same statements under two names: what differs could be an argument."""
    bodies = re.findall(r"^(?:static|FNC_INLINE)[^;{]*\{\n(.*?)^}", source, re.M | re.S)
    long = [b for b in bodies if b.count("\n") > 6]
    assert len(set(long)) == len(long)
