"""Programs as text, and back: `parse(print_program(p))` is `p`, node for node.

    program
    in  %img : f32[B,784]
    par %w : f32[784,10]
    %0 = dot(%img, %w) batch_a=() batch_b=() contract_a=(1,) contract_b=(0,) : f32[B,10]   ; dense
    out softmax = %0
    upd %w = %3
    eq  T, U
    rng %img 10 -1 "layer 'x'"

The body of a scan is printed before all that uses it, between `body @0 1 2`, with its number of
carries and of sequences, and `end`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from fncompile.ir.dims import Poly, dim_text, evaluate, parse_dim
from fncompile.ir.elements import decode, encode
from fncompile.ir.node import Node, Origins, Program, make, parse_origin, toposort
from fncompile.ir.ops import OPS
from fncompile.ir.ranges import Range
from fncompile.ir.region import Region
from fncompile.ir.types import DTYPES, TensorType, parse_type

LEAVES = {"input": "in ", "param": "par"}


def print_program(program: Program, origins: bool = True) -> str:
    """One line a node, sources before users; identical programs give identical text.

    Without `origins` nothing in it depends on what layers are called."""
    names: dict[Node, str] = {}
    bodies = {b: f"@{i}" for i, b in enumerate(_bodies(program))}
    lines = ["program"]
    for body in bodies:
        lines += _body_lines(body, bodies, program.origins if origins else {})
    for kind, nodes in (("in ", program.inputs), ("par", program.params)):
        for node in nodes:
            names[node] = f"%{node['name']}"
            lines.append(f"{kind} {names[node]} : {node.type}")
    lines += _node_lines(program.nodes(), names, bodies, program.origins if origins else {})
    lines += [f"out {name} = {names[node]}" for name, node in program.outputs.items()]
    lines += [f"upd {names[p]} = {names[node]}" for p, node in program.updates.items()]
    lines += [
        f"eq  {dim_text(a) if isinstance(a, Poly) else a}, {dim_text(b)}"
        for a, b in program.constraints
    ]
    lines += [
        f"rng %{name} {r.count} {r.allowed} {' '.join(r.user.split())!r}"
        for name, r in program.ranges
        if origins
    ]
    return "\n".join(lines) + "\n"


def _bodies(program: Program) -> list[Region]:
    """Inner ones before those that they are in."""
    return list(dict.fromkeys(n["body"] for n in program.all_nodes() if OPS[n.op].has_region))


def _body_lines(body: Region, bodies: Mapping[Region, str], origins: Origins) -> list[str]:
    names = {node: f"%{node['name']}" for node in body.inputs}
    return [
        f"body {bodies[body]} {body.carries} {body.sequences}",
        *(f"in  {name} : {node.type}" for node, name in names.items()),
        *_node_lines(toposort(body.outputs), names, bodies, origins),
        *(f"out {i} = {names[node]}" for i, node in enumerate(body.outputs)),
        "end",
    ]


def _node_lines(
    nodes: Iterable[Node],
    names: dict[Node, str],
    bodies: Mapping[Region, str],
    origins: Origins,
) -> Iterator[str]:
    """Those that have no name yet, and get one."""
    given = len(names)
    for node in nodes:
        if node not in names:
            names[node] = f"%{len(names) - given}"
            found = origins.get(node)
            note = f"   ; {found}" if found else ""
            yield f"{names[node]} = {node_text(node, names, bodies)} : {node.type}{note}"


def node_text(
    node: Node, names: dict[Node, str], bodies: Mapping[Region, str] | None = None
) -> str:
    """`op(%a, %b) attr=value`; element-wise functions print as `ew.add(%a, %b)`."""
    sources = ", ".join(names[s] for s in node.src)
    if node.op == "ew":
        return f"ew.{node['fn']}({sources})"
    if node.op == "const":
        return f"const {_const_text(node)}"
    known = bodies or {}
    attrs = [
        f"{k}={known.get(v, '@') if isinstance(v, Region) else attr_text(v)}"
        for k, v in zip(OPS[node.op].attrs, node.attr)
    ]
    return " ".join([f"{node.op}({sources})", *attrs])


def _const_text(node: Node) -> str:
    if node.type.size == 1:
        data = np.frombuffer(node["data"], DTYPES[node.dtype].storage)
        return repr(decode(data, node.dtype)[0].item())
    return "0x" + node["data"].hex()


def attr_text(value: Any) -> str:
    if isinstance(value, tuple):
        inner = ",".join(attr_text(v) for v in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return str(value) if isinstance(value, (Poly, TensorType)) else repr(value)


def parse(text: str) -> Program:
    """The Program that `text` describes; ValueError with the line where it is malformed."""
    reader = _Reader()
    for number, line in enumerate(text.splitlines(), 1):
        body, found, origin = (part.strip() for part in line.partition("   ; "))
        try:
            reader = reader.read(body, origin if found else None)
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            raise ValueError(f"line {number}: {body!r}: {error}") from error
    return reader.program()


class _Reader:
    """Of the program, or of a body that is in `outer`."""

    def __init__(self, outer: _Reader | None = None, *head: str) -> None:
        self.outer, self.head = outer, head
        self.bodies: dict[str, Region] = {} if outer is None else outer.bodies
        self.names: dict[str, Node] = {}
        self.leaves: dict[str, list[Node]] = {"input": [], "param": []}
        self.outputs: dict[str, Node] = {}
        self.updates: dict[Node, Node] = {}
        self.constraints: list = []
        self.ranges: list[tuple[str, Range]] = []
        self.origins: Origins = {} if outer is None else outer.origins

    def program(self) -> Program:
        inputs, params = (tuple(self.leaves[k]) for k in ("input", "param"))
        constraints = tuple(self.constraints)
        ranges = tuple(self.ranges)
        return Program(
            inputs, params, self.outputs, self.updates, constraints, self.origins, ranges
        )

    def read(self, line: str, origin: str | None) -> _Reader:
        """Who reads the next line."""
        if line.startswith("body "):
            return _Reader(self, *line.split()[1:])
        if line == "end":
            return self._ended()
        if line and line != "program":
            self._read(line, origin)
        return self

    def _ended(self) -> _Reader:
        if self.outer is None:
            raise ValueError("no body ends here")
        name, carries, sequences = self.head
        made = tuple(self.outputs.values())
        inputs = tuple(self.leaves["input"])
        self.bodies[name] = Region(inputs, made, int(carries), int(sequences))
        return self.outer

    def _read(self, line: str, origin: str | None) -> None:
        word = line[:3].strip()
        if word in ("in", "par"):
            self._leaf("input" if word == "in" else "param", line[3:])
        elif word == "rng":
            name, count, allowed, user = line[4:].split(" ", 3)
            found = Range(int(count), ast.literal_eval(user), int(allowed))
            self.ranges.append((name[1:], found))
        elif word == "out":
            name, _, node = line[4:].rpartition(" = ")
            self.outputs[name] = self.names[node]
        elif word == "upd":
            param, _, node = line[4:].partition(" = ")
            self.updates[self.names[param]] = self.names[node]
        elif word == "eq":
            self.constraints.append(tuple(parse_dim(d) for d in line[2:].split(",")))
        else:
            self._node(line, origin)

    def _leaf(self, op: str, rest: str) -> None:
        name, _, type = rest.strip().partition(" : ")
        self.names[name] = make(op, (), name[1:], parse_type(type))
        self.leaves[op].append(self.names[name])

    def _node(self, line: str, origin: str | None) -> None:
        name, body, type = _groups(r"(%\d+) = (.*) : (\S+)", line)
        node = self._expression(body, parse_type(type))
        if str(node.type) != type:
            raise ValueError(f"type is {node.type}")
        self.names[name] = node
        if origin:
            self.origins[node] = parse_origin(origin)

    def _expression(self, body: str, type: TensorType) -> Node:
        if body.startswith("const "):
            return make("const", (), type, _const_data(body[6:], type))
        head, sources, rest = _groups(r"([\w.]+)\((.*?)\)(.*)", body)
        src = [self.names[s] for s in sources.split(", ") if s]
        if head.startswith("ew."):
            return make("ew", src, head[3:])
        found = dict(re.findall(r"(\w+)=(\([^=]*\)|\S+)", rest))
        return make(head, src, *(self._attr(found[a]) for a in OPS[head].attrs))

    def _attr(self, text: str) -> Any:
        return self.bodies[text] if text.startswith("@") else _parse_attr(text)


def _groups(pattern: str, text: str) -> tuple[str, ...]:
    match = re.fullmatch(pattern, text)
    if match is None:
        raise ValueError(f"does not read {pattern}")
    return match.groups()


def _const_data(text: str, type: TensorType) -> bytes:
    if text.startswith("0x"):
        return bytes.fromhex(text[2:])
    shape = [evaluate(d, {}) for d in type.shape]
    return encode(np.full(shape, _number(text), DTYPES[type.dtype].numpy), type.dtype).tobytes()


def _number(text: str) -> Any:
    return float(text) if text in ("nan", "inf", "-inf") else ast.literal_eval(text)


def _parse_attr(text: str) -> Any:
    if text.startswith("(") and ("," in text or text == "()"):
        return tuple(_parse_attr(t) for t in text[1:-1].split(",") if t)
    if "[" in text:
        return parse_type(text)
    if (
        re.search(r"[A-Za-z]", text)
        and text[0] not in "'\""
        and text not in ("True", "False", "nan", "inf", "-inf", "None")
    ):
        return parse_dim(text) if not re.fullmatch(r"-?[\d.]+e[-+]?\d+", text) else float(text)
    return _number(text)
