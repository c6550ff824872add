"""Dimensions: polynomials over symbols and floored quotients mean what their numbers do."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fncompile.ir.dims import (
    Poly,
    ceildiv,
    dim_text,
    divide,
    divide_checked,
    evaluate,
    floordiv,
    is_symbol,
    parse_dim,
    reduced,
    substitute,
    symbol,
    symbols_of,
    upper_bound,
)

B, T, U = symbol("B"), symbol("T"), symbol("U")
sizes = st.fixed_dictionaries({s: st.integers(0, 40) for s in "BTU"})
dims = st.recursive(
    st.sampled_from([B, T, U]) | st.integers(-9, 9),
    lambda inner: (
        st.builds(lambda a, b: a + b, inner, inner)
        | st.builds(lambda a, b: a - b, inner, inner)
        | st.builds(lambda a, b: a * b, inner, inner)
        | st.builds(floordiv, inner, st.integers(1, 6))
    ),
    max_leaves=6,
)


@given(dims, st.integers(1, 8), sizes)
def test_a_quotient_is_rounded_down(dim, by, env):
    assert evaluate(floordiv(dim, by), env) == evaluate(dim, env) // by
    assert evaluate(ceildiv(dim, by), env) == -(-evaluate(dim, env) // by)


@given(dims, dims, sizes)
def test_sums_and_products_of_quotients(a, b, env):
    x, y = evaluate(a, env), evaluate(b, env)
    assert [evaluate(d, env) for d in (a + b, a - b, a * b)] == [x + y, x - y, x * y]
    assert evaluate(upper_bound(a, b), env) >= max(x, y)


@given(dims, dims, st.integers(0, 9), sizes)
def test_symbols_inside_quotients_are_replaced(dim, for_t, for_u, env):
    replaced = substitute(dim, {"T": for_t, "U": for_u})
    inner = {**env, "T": evaluate(for_t, env), "U": for_u}
    assert evaluate(replaced, env) == evaluate(dim, inner)
    assert "U" not in symbols_of([substitute(dim, {"U": for_u})])


@given(dims)
def test_a_dimension_is_read_back_from_its_text(dim):
    assert parse_dim(dim_text(dim)) == dim
    assert pickle.loads(pickle.dumps(dim)) == dim


@given(dims, dims, sizes)
def test_what_two_dimensions_share_is_left_out(a, b, env):
    """Where none of it is zero, they are equal as before."""
    less, than = reduced(a, b)
    if all(env.values()):
        same = evaluate(a, env) == evaluate(b, env)
        assert (evaluate(less, env) == evaluate(than, env)) == same


@pytest.mark.parametrize("equal", [
    (floordiv(floordiv(T, 2), 3), floordiv(T, 6)),
    (floordiv(ceildiv(T, 2) + 1, 3), floordiv(T + 3, 6)),
    (floordiv(2 * T + 1, 4), floordiv(T, 2)),
    (floordiv(T - 3, 2) + 1, floordiv(T + 1, 2) - 1),
    (floordiv(7 * T + 9, 2), 3 * T + 4 + floordiv(T + 1, 2)),
    (floordiv(-1 * T, 2), floordiv(T, 2) - T),
    (floordiv(6 * B * T, 3), 2 * B * T),
    (T // 2, floordiv(T, 2)),
    (T % 3, T - 3 * floordiv(T, 3)),
], ids=str)  # fmt: skip
def test_equal_quotients_are_the_same_dimension(equal):
    a, b = equal
    assert a == b and hash(a) == hash(b)


@pytest.mark.parametrize("dim, text", [
    (T // 2, "(T//2)"), (ceildiv(T, 2) * B * 3, "3*((T+1)//2)*B"), ((B * T) // 4 + 1, "(B*T//4)+1"),
], ids=str)  # fmt: skip
def test_the_text_of_a_quotient_is_python(dim, text):
    assert dim_text(dim) == text
    assert eval(text, {"T": 9, "B": 5}) == evaluate(dim, {"T": 9, "B": 5})


@pytest.mark.parametrize("text", ["", "T+", "T/2", "T//U", "2.5", "f(T)", "'T'", "T.x", "T//0"])
def test_what_is_no_dimension_is_not_read(text):
    with pytest.raises(ValueError):
        parse_dim(text)


def test_quotients_are_no_symbols():
    assert is_symbol(T) and not any(map(is_symbol, (T // 2, 2 * T, T + 1, B * T, 3)))
    assert symbols_of([T // 2 + B]) == ["B", "T"]


def test_a_division_that_a_call_checks():
    assert divide_checked(B * T * 2, B * 3) == floordiv(2 * T, 3)
    assert divide_checked(B * T * 6, B * 3) == divide(B * T * 6, B * 3) == 2 * T
    assert divide_checked(T + 5, 3) == floordiv(T + 5, 3)
    for a, b in ((7, 3), (B * 7, B * 3), (T, B), (T, 0), (T, T + 1)):
        assert divide_checked(a, b) is None


def test_division_by_a_negative_number_is_refused():
    with pytest.raises(ValueError, match="positive number"):
        floordiv(T, 0)
    assert isinstance(T // 2, Poly)
    with pytest.raises(TypeError, match="The extent T is unknown"):
        T // -2
