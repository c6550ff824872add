"""The op `scan`: its text, meaning, gradient and C, against loops written in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import autodiff, flags
from fncompile.ir import build, interp
from fncompile.ir.dims import symbol
from fncompile.ir.node import Node, Program
from fncompile.ir.region import closed, fresh
from fncompile.ir.text import parse, print_program
from fncompile.ir.types import TensorType
from fncompile.ir.verify import verify
from fncompile.passes.manager import lower
from fncompile.passes.scans import scans
from fncompile.plan.types import Apply, Repeat, children
from tests.programs.native import compiled, run

B, T = symbol("B"), symbol("T")
SIZES = [(0, 3), (1, 1), (2, 5), (7, 33)]
ALWAYS = "-DFNC_LEAST_WORK=1 -DFNC_LEAST_STEP=1"  # teams share even this


def f32(*shape) -> TensorType:
    return TensorType("float32", shape)


def scanned(turn, firsts, sequences, count=T, reverse=False) -> tuple[Node, ...]:
    """`turn(*carries, *elements)` gives the next carries and a list of what comes out."""
    carries = [fresh(n.type) for n in firsts]
    elements = [fresh(TensorType(n.dtype, n.shape[1:])) for n in sequences]
    after, out = turn(*carries, *elements)
    body, outer = closed([*carries, *elements], [*after, *out], len(carries))
    return build.scan(body, [*firsts, *sequences, *outer], count, reverse)


def recurrence(units: int = 4, features: int = 3, reverse: bool = False) -> Program:
    """h = tanh(x w + h u): the last one, and all of them."""
    x, h0 = build.input("x", f32(T, B, features)), build.input("h0", f32(B, units))
    w, u = build.param("w", f32(features, units)), build.param("u", f32(units, units))

    def turn(h, e):
        h = build.ew("tanh", build.ew("add", build.matmul2(e, w), build.matmul2(h, u)))
        return [h], [h]

    last, every = scanned(turn, [h0], [x], T, reverse)
    return Program((x, h0), (w, u), {"last": last, "every": every})


def arrays(program: Program, turns: int, batch: int):
    rng = np.random.default_rng(turns * 100 + batch)
    env = {"T": turns, "B": batch}

    def array(node: Node) -> np.ndarray:
        shape = interp.shape_of(node.shape, env)
        if node.dtype != "float32":
            return rng.integers(0, 3, shape).astype(node.dtype)
        return (rng.normal(size=shape) / 2).astype("float32")

    return [array(n) for n in program.inputs], {p["name"]: array(p) for p in program.params}


def check_compiled(program: Program, sizes=SIZES, **switches) -> None:
    """Compiled code and the interpreter agree, whatever the sizes."""
    with flags(verify=1, **switches):
        entry = compiled(program)
        for turns, batch in sizes:
            inputs, params = arrays(program, turns, batch)
            expected, _ = interp.run(program, inputs, params, float64=True)
            found, _ = run(entry, inputs, params)
            for (name, a), b in zip(expected.items(), found):
                atol = 1e-5 * max(1, np.abs(a).max(initial=0))
                np.testing.assert_allclose(b, a, rtol=1e-4, atol=atol, err_msg=name)


def with_gradients(program: Program) -> Program:
    """Also the gradients of the weighted sum of all outputs for every input and parameter."""
    total = build.const(0.0, "float32")
    floating = [out for out in program.outputs.values() if out.dtype == "float32"]
    for k, out in enumerate(floating):
        wave = build.ew("sin", build.ew("add", out, build.like(out, k)))
        total = build.ew("add", total, build.reduce(wave, "sum", range(out.ndim)))
    leaves = [n for n in (*program.inputs, *program.params) if n.dtype == "float32"]
    found = autodiff.gradients(total, leaves)
    grads = {f"d_{n['name']}": g for n, g in zip(leaves, found)}
    return Program(program.inputs, program.params, {**program.outputs, "y": total, **grads})


def check_gradients(program: Program, turns: int = 3, batch: int = 2) -> None:
    """Against differences of the interpreter in float64."""
    made = with_gradients(program)
    verify(made)
    inputs, params = arrays(made, turns, batch)
    inputs = [a.astype("float64") if a.dtype == np.float32 else a for a in inputs]
    params = {k: a.astype("float64") for k, a in params.items()}
    leaves = {**{n["name"]: a for n, a in zip(made.inputs, inputs)}, **params}

    def results() -> dict[str, np.ndarray]:
        return interp.run(made, inputs, params, float64=True)[0]

    found = results()
    for name, array in leaves.items():
        if f"d_{name}" not in found:
            continue
        for at in np.ndindex(*array.shape):
            here = array[at]
            array[at] = here + 1e-5
            above = results()["y"]
            array[at] = here - 1e-5
            slope = (above - results()["y"]) / 2e-5
            array[at] = here
            np.testing.assert_allclose(found[f"d_{name}"][at], slope, atol=1e-7, err_msg=name)


# programs ----------------------------------------------------------------------------------------


def swap() -> Program:
    """Two carries change places in every turn: neither can be written in place first."""
    a, b = build.input("a", f32(B, 3)), build.input("b", f32(B, 3))
    x = build.input("x", f32(T, B, 3))

    def turn(p, q, e):
        return [build.ew("add", q, e), build.ew("mul", p, build.like(p, 0.5))], [p]

    p, q, out = scanned(turn, [a, b], [x])
    return Program((x, a, b), (), {"p": p, "q": q, "out": out})


def shifted() -> Program:
    """A carry from other elements of itself than the one that is written."""
    a, x = build.input("a", f32(B, 5)), build.input("x", f32(T, B, 5))
    last, out = scanned(lambda p, e: ([build.ew("add", build.flip(p, 1), e)], [p]), [a], [x])
    return Program((x, a), (), {"last": last, "out": out})


def lstm(units: int = 4) -> Program:
    """Gates in one product, the input by samples first, a mask that keeps what was."""
    x = build.input("x", f32(B, T, 3))
    mask = build.input("mask", TensorType("int32", (B, T)))
    w, u = build.param("w", f32(3, 4 * units)), build.param("u", f32(units, 4 * units))
    bias = build.param("b", f32(4 * units))
    zeros = build.full((B, units), 0, "float32")

    def turn(h, c, e, m):
        z = build.ew("add", build.ew("add", build.matmul2(e, w), build.matmul2(h, u)), bias)
        i, f, g, o = (build.slice_axis(z, 1, k * units, units) for k in range(4))
        i, f, o = (build.ew("sigmoid", v) for v in (i, f, o))
        new = build.ew("add", build.ew("mul", f, c), build.ew("mul", i, build.ew("tanh", g)))
        out = build.ew("mul", o, build.ew("tanh", new))
        on = build.broadcast_to(build.expand_dims(build.cast(m, "bool"), (1,)), h.shape)
        return [build.ew("select", on, out, h), build.ew("select", on, new, c)], [out]

    sequences = [build.permute(x, (1, 0, 2)), build.permute(mask, (1, 0))]
    h, c, every = scanned(turn, [zeros, zeros], sequences)
    return Program(
        (x, mask), (w, u, bias), {"h": h, "c": c, "every": build.permute(every, (1, 0, 2))}
    )


def nested() -> Program:
    """A recurrence in each turn of another one; both read what is outside."""
    x, h0 = build.input("x", f32(T, 3, B, 4)), build.input("h0", f32(B, 4))
    w = build.param("w", f32(4, 4))

    def turn(h, row):
        def inner(k, e):
            k = build.ew("tanh", build.ew("add", build.matmul2(k, w), build.ew("mul", e, h)))
            return [k], [build.ew("sin", k)]

        last, every = scanned(inner, [h], [row], 3)
        return [last], [build.reduce(every, "sum", (0,))]

    last, out = scanned(turn, [h0], [x])
    return Program((x, h0), (w,), {"last": last, "out": out})


def counted() -> Program:
    """No sequence goes in; an index is carried and an iota comes in; the length is a number."""
    h0 = build.input("h0", f32(B, 2))
    index = build.iota((4,), 0)

    def turn(n, h, i):
        step = build.cast(build.ew("add", n, i), "float32")
        return [build.ew("add", n, build.like(n, 2)), build.ew("mul", h, build.ew("sin", step))], [
            step
        ]

    n, h, steps = scanned(turn, [build.const(1, "int32"), h0], [index], 4)
    return Program((h0,), (), {"n": n, "h": h, "steps": steps})


def output_product() -> Program:
    """A product of what comes out alone, and a carry that sums another up."""
    x, h0 = build.input("x", f32(T, B, 4)), build.input("h0", f32(B, 4))
    v, u = build.param("v", f32(4, 6)), build.param("u", f32(4, 4))
    total = build.full((4, 4), 0, "float32")

    def turn(h, s, e):
        h = build.ew("tanh", build.ew("add", e, h))
        s = build.ew("add", s, build.dot(e, h, ((0,), (0,))))
        return [h, s], [build.ew("sin", build.matmul2(h, v)), build.matmul2(build.matmul2(e, u), v)]

    _, s, out, more = scanned(turn, [h0, total], [x])
    return Program((x, h0), (v, u), {"s": s, "out": out, "more": more})


PROGRAMS = {
    "recurrence": recurrence,
    "backwards": lambda: recurrence(reverse=True),
    "swap": swap,
    "shifted": shifted,
    "lstm": lstm,
    "nested": nested,
    "counted": counted,
    "output_product": output_product,
}


def functions(expr) -> list[str]:
    """The scalar functions in an expression, each as often as it is written."""
    own = [expr.fn] if isinstance(expr, Apply) else []
    return own + [fn for e in children(expr) for fn in functions(e)]


each_program = pytest.mark.parametrize("name", PROGRAMS)


# tests -------------------------------------------------------------------------------------------


def test_it_means_a_loop():
    inputs, params = arrays(program := recurrence(), 5, 2)
    found, _ = interp.run(program, inputs, params, float64=True)
    h = inputs[1].astype("float64")
    for now, e in enumerate(inputs[0].astype("float64")):
        h = np.tanh(e @ params["w"].astype("float64") + h @ params["u"].astype("float64"))
        np.testing.assert_allclose(found["every"][now], h)
    np.testing.assert_allclose(found["last"], h)


def test_backwards_it_starts_at_the_end_and_places_stay():
    forward, backward = recurrence(), recurrence(reverse=True)
    (x, h0), params = arrays(forward, 4, 3)
    turned, _ = interp.run(forward, [x[::-1], h0], params)
    found, _ = interp.run(backward, [x, h0], params)
    np.testing.assert_array_equal(found["every"], turned["every"][::-1])
    np.testing.assert_array_equal(found["last"], turned["last"])


@each_program
def test_the_text_reads_back(name):
    program = with_gradients(PROGRAMS[name]())
    text = print_program(program)
    again = parse(text)
    assert print_program(again) == text
    assert again.roots == program.roots


@each_program
def test_gradients(name):
    check_gradients(PROGRAMS[name]())


@each_program
def test_moving_products_out_changes_no_result(name):
    program = with_gradients(PROGRAMS[name]())
    moved = scans(program)
    verify(moved)
    for turns, batch in [(0, 2), (1, 1), (4, 3)]:
        inputs, params = arrays(program, turns, batch)
        expected, _ = interp.run(program, inputs, params, float64=True)
        found, _ = interp.run(moved, inputs, params, float64=True)
        for key, a in expected.items():
            np.testing.assert_allclose(found[key], a, rtol=1e-10, atol=1e-10, err_msg=key)


@each_program
@pytest.mark.parametrize("switches", [{}, {"skip": ("scans",)}, {"threads": 3, "cflags": ALWAYS}])
def test_it_compiles_with_its_gradient(name, switches):
    check_compiled(with_gradients(PROGRAMS[name]()), **switches)


def test_check_compares_every_turn_with_the_interpreter():
    check_compiled(with_gradients(lstm()), check=True)


def test_products_over_all_turns_are_outside():
    """Of a recurrence and its gradient, only the products with the state are in the loops."""
    plan = lower(with_gradients(recurrence(32, 40)), "infer")
    inside = [k.product for r in plan.steps if isinstance(r, Repeat) for k in r.body]
    outside = [k.product for k in plan.steps if not isinstance(k, Repeat)]
    assert [str(p.shape) for p in inside if p] == [str((1, B, 32, 32))] * 2
    assert len([p for p in outside if p]) == 4  # x w, and the gradients of x, w and u


def test_gates_are_kept_in_place_of_the_sums_that_they_are_functions_of():
    """So a turn back computes tanh of the new state again, and no sigmoid."""
    plan = lower(with_gradients(lstm()), "infer")
    *_, back = [r for r in plan.steps if isinstance(r, Repeat)]
    applied = [fn for k in back.body for s in k.stages for fn in functions(s.expr)]
    assert (applied.count("tanh"), applied.count("sigmoid")) == (1, 0)


def test_rows_of_a_sequence_that_a_product_takes_turned_are_stored_whole():
    """The gradient of u asks for h by columns: the tile walks it so, and h is no scatter."""
    plan = lower(with_gradients(recurrence(32, 40)), "infer")
    loops = [r for r in plan.steps if isinstance(r, Repeat)]
    stores = [s for r in loops for k in r.body for stage in k.stages for s in stage.stores]
    assert stores and all(s.at.terms[-1][1] == 1 for s in stores)


def test_what_nothing_needs_is_gone():
    x, h0 = build.input("x", f32(T, B, 3)), build.input("h0", f32(B, 3))
    unused = build.input("z", f32(T, B, 3))

    def turn(a, b, e, z):
        return [build.ew("add", a, e), build.ew("mul", b, z)], [build.ew("sin", z), a]

    last, *_ = scanned(turn, [h0, h0], [x, unused])
    [scan] = [
        n for n in scans(Program((x, h0, unused), (), {"last": last})).nodes() if n.op == "scan"
    ]
    assert scan.src == (h0, x)
    assert len(scan["body"].outputs) == 1


def test_a_body_reads_only_what_it_is_given():
    from fncompile.ir.region import Region
    from fncompile.ir.verify import VerifyError

    x, a = build.input("x", f32(T, B)), build.input("a", f32(B))
    c = fresh(f32(B))
    [last] = build.scan(Region((c,), (build.ew("add", c, a),), 1, 0), [a], T)
    with pytest.raises(VerifyError, match="'a' is read in"):
        verify(Program((x, a), (), {"last": last}))


def test_types_that_do_not_fit_are_refused():
    x, a = build.input("x", f32(T, 3)), build.input("a", f32(2))
    with pytest.raises(ValueError, match="carry of a scan"):
        scanned(lambda c, e: ([e], []), [a], [x])
    with pytest.raises(ValueError, match="sequence of a scan"):
        body, _ = closed([fresh(f32(3)), e := fresh(f32(3))], [e], 1)
        build.scan(body, [build.input("b", f32(3)), build.input("c", f32(4, 2))], 4)


def test_results_do_not_depend_on_threads():
    program = with_gradients(lstm(24))
    inputs, params = arrays(program, 9, 70)
    bits = set()
    for threads in (1, 2, 3, 5):
        with flags(verify=1, threads=threads, cflags=ALWAYS):
            found, _ = run(compiled(program), inputs, params)
            bits.add(tuple(a.tobytes() for a in found))
    assert len(bits) == 1


def test_the_gradient_of_a_split_is_put_together():
    """Four pieces of one axis: no sum of padded pieces, in which each element has a condition."""
    from fncompile.passes.simplify import simplify

    x = build.input("x", f32(B, 8))
    parts = [build.ew("sin", build.slice_axis(x, 1, 2 * k, 2)) for k in range(4)]
    total = build.reduce(build.ew("mul", build.concat(parts[::-1], 1), x), "sum", (0, 1))
    program = Program((x,), (), {"d": autodiff.gradients(total, [x])[0]})
    simple = simplify(program)
    assert not any(n.op == "pad" for n in simple.nodes())
    [array], _ = arrays(program, 1, 3)
    expected, _ = interp.run(program, [array], {})
    np.testing.assert_array_equal(interp.run(simple, [array], {})[0]["d"], expected["d"])


def test_a_sequence_of_samples_is_projected_as_it_lies():
    """Batch first: the product before the loop has all samples and steps as its rows."""
    plan = lower(lstm(), "infer")
    first = next(k for k in plan.steps if not isinstance(k, Repeat) and k.product)
    assert first.product.matrix_shape[0] == B * T


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_of_one_turn_is_its_body(reverse):
    """No loop in C where a model streams sample by sample, and the same results and gradients."""
    x, h0 = build.input("x", f32(1, B, 3)), build.input("h0", f32(B, 4))
    w, u = build.param("w", f32(3, 4)), build.param("u", f32(4, 4))

    def turn(h, e):
        h = build.ew("tanh", build.ew("add", build.matmul2(e, w), build.matmul2(h, u)))
        return [h], [h]

    last, every = scanned(turn, [h0], [x], 1, reverse)
    program = with_gradients(Program((x, h0), (w, u), {"last": last, "every": every}))
    simple = scans(program)
    assert not any(n.op == "scan" for n in simple.nodes())
    inputs, params = arrays(program, 1, 5)
    expected, _ = interp.run(program, inputs, params)
    found, _ = interp.run(simple, inputs, params)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, atol=1e-6, err_msg=name)
    assert not any(isinstance(step, Repeat) for step in lower(program, "infer").steps)


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (2, 1, 0), (0, 2, 0), (1, 2, 1, 0)])
def test_a_result_may_have_parts_from_before_and_from_behind_a_scan(order):
    """Those before lie in the result, where the scan reads them, beside a part that reads what the
    scan gives: it was taken to read, and to write, all of the result, a cycle of kernels."""
    x = build.input("x", f32(4, 3))
    before = build.ew("exp", x)

    def turn(h, row):
        after = build.ew("tanh", build.ew("add", h, row))
        return [after], [after]

    first = build.reduce(before, "sum", (0,))
    last, rows = scanned(turn, [first], [before], 4)
    behind = build.ew("add", x, build.broadcast_to(build.reshape(last, (1, 3)), (4, 3)))
    parts = [before, rows, behind]
    program = Program((x,), (), {"y": build.concat([parts[k] for k in order], 0)}, {})

    given = np.random.default_rng(1).normal(size=(4, 3)).astype("float32")
    (got,), _ = run(compiled(program), [given], {})
    exp = np.exp(given.astype("float64"))
    h, seen = exp.sum(0), []
    for row in exp:
        h = np.tanh(h + row)
        seen.append(h)
    parts = [exp, np.array(seen), given + h]
    np.testing.assert_allclose(got, np.concatenate([parts[k] for k in order]), 1e-5, 1e-5)
