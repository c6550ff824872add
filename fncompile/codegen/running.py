"""The functions that run the kernels of a Plan: all of them, those of `prepare`, or one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fncompile.codegen.affine import dim, size_name
from fncompile.codegen.alike import Group
from fncompile.codegen.ctree import (
    Assign,
    Binary,
    CExpr,
    Comment,
    Declare,
    Do,
    Element,
    For,
    Function,
    If,
    Int,
    Name,
    Return,
    Stmt,
    TopLevel,
    call,
)
from fncompile.codegen.pointers import Offsets, with_symbols
from fncompile.plan.types import Kernel, Plan, Repeat, Step, root_buffer, writes

WORKER_PARAMS = ("const fnc_env *env", "int64_t part", "int64_t parts")
SHARE = (Name("part"), Name("parts"))
MANY = 32  # kernels: calls of so many take longer to optimise than they are worth
BARRIER = Do(call("fnc_barrier", Name("env"), Name("parts")))


def kernel_prefix(plan: Plan, group: Group) -> str:
    """What the function of these kernels is declared as: not inlined into several places, nor into
    one that is compiled plainly."""
    alone = not group.is_shared and len(plan.kernels) <= MANY
    return "static" if alone else "FNC_NOINLINE"


def kernel_params(group: Group) -> tuple[str, ...]:
    """Of the function of these kernels, which is given its pointers where it serves several."""
    return (*WORKER_PARAMS, *(f"const void *at{i}" for i in range(len(group.given))))


class Running:
    """Of one plan; `groups` give the kernels' functions by their names."""

    def __init__(self, plan: Plan, groups: Mapping[str, Group], offsets: Offsets):
        self.plan, self.groups, self.offsets = plan, groups, offsets
        self.env = Name("&own") if plan.loop_symbols else Name("env")
        self._memory = {
            kernel.name: memory
            for group in groups.values()
            for kernel, memory in zip(group.kernels, group.memory)
        }

    def whole(self, name: str) -> list[TopLevel]:
        """Every step in order, for a worker of a team: in halves, and the two together, where the
        plan has halves."""
        cut = self.plan.first_half
        if self.plan.slice:
            return [self._steps(self.plan.steps, f"{name}_slice")]
        if cut is None:
            return [self._steps(self.plan.steps, name)]
        halves = {
            f"{name}_forward": self.plan.steps[:cut],
            f"{name}_backward": self.plan.steps[cut:],
        }
        run = [s for h in halves for s in (BARRIER, Do(call(f"run_{h}", Name("env"), *SHARE)))]
        parts = [self._steps(steps, half) for half, steps in halves.items()]
        return [*parts, _worker(name, run[1:])]

    def prepare(self, name: str) -> Function:
        """What depends on weights alone: a barrier after each."""
        kernels = self.plan.prepare
        run = [s for k in kernels for s in (BARRIER, *self._kernel(k, Name("env"), *SHARE))]
        return _worker(name, run[1:])

    def by_number(self, name: str) -> Function:
        """One kernel as the step runs it: its number, then the turn of each repeat, are the
        args."""
        plan = self.plan
        runs: list[Stmt] = []
        for i, kernel in enumerate(plan.kernels):
            run = self._kernel(kernel, self.env, Int(0), Int(1))
            if plan.loop_symbols:
                run = with_symbols(plan.kernel_symbols, run, "dims")
            runs.append(If(Binary("==", Name("number"), Int(i)), tuple(run)))
        if plan.loop_symbols:
            turns = [
                Assign(self._size_of_turn(s), "=", Element(Name("env->args"), Int(1 + i)))
                for i, s in enumerate(plan.loop_symbols)
            ]
            runs = [*self._own_sizes(), *turns, *runs]
        else:
            runs = with_symbols(plan.symbols, runs)
        number = Declare("const int64_t", "number", Name("env->args[0]"))
        body = (number, *(_flushed(runs) if _keeps(plan) else runs), Return(Name("FNC_OK")))
        params = WORKER_PARAMS[:1]
        return Function("FNC_EXPORT", "int32_t", name, params, body, "Runs one kernel.")

    def _kernel(self, kernel: Kernel, *arguments: CExpr) -> list[Stmt]:
        """The call of its function, which is given the pointers where it is not the kernel's
        alone."""
        group = self.groups[kernel.name]
        if not group.is_shared:
            return [Do(call(kernel.name, *arguments))]
        places = [self.offsets.address(b, "") for b in self._memory[kernel.name]]
        name = f"{kernel.name}: {kernel.layers}"
        return [Comment(name), Do(call(group.first.name, *arguments, *places))]

    def _steps(self, steps: Sequence[Step], name: str) -> Function:
        """What is kept from call to call must not decay into subnormal numbers."""
        plan = self.plan
        waits = dict(zip((k.name for k in plan.kernels), map(bool, plan.barriers), strict=True))
        run = self._run(steps, waits)
        if plan.loop_symbols:
            run = [*self._own_sizes(), *run]
        run = with_symbols(plan.symbols, run)
        plain = len(plan.kernels) > MANY
        return _worker(name, _flushed(run) if _keeps(plan) else run, plain)

    def _run(self, steps: Iterable[Step], waits: Mapping[str, bool]) -> list[Stmt]:
        run: list[Stmt] = []
        for step in steps:
            if isinstance(step, Repeat):
                turn = Name(size_name(step.symbol))
                counted = Assign(self._size_of_turn(step.symbol), "=", turn)
                body = (counted, *self._run(step.body, waits))
                run.append(For(turn.text, Int(0), dim(step.count), body))
            else:
                run += [BARRIER] * waits[step.name]
                run += self._kernel(step, self.env, *SHARE)
        return run

    def _own_sizes(self) -> list[Stmt]:
        """A worker counts the turns of repeats behind the sizes of the call: kernels find both."""
        i = Name("i")
        copied = Assign(Element(Name("dims"), i), "=", Element(Name("env->dims"), i))
        return [
            Declare("int64_t", "dims", None, Int(len(self.plan.kernel_symbols))),
            Declare("fnc_env", "own", Name("*env")),
            For("i", Int(0), Int(len(self.plan.symbols)), (copied,)),
            Assign(Name("own.dims"), "=", Name("dims")),
        ]

    def _size_of_turn(self, symbol: str) -> CExpr:
        return Element(Name("dims"), Int(self.plan.kernel_symbols.index(symbol)))


def _keeps(plan: Plan) -> bool:
    """Does a call leave anything for the next one?"""
    return any(root_buffer(b).kind == "param" for k in plan.kernels for b in writes(k))


def _worker(name: str, run: Sequence[Stmt], plain: bool = False) -> Function:
    nothing = tuple(Do(Name(f"(void){p}")) for p in ("env", "part", "parts"))
    prefix = "FNC_PLAIN FNC_ONE_COPY" if plain else "FNC_ONE_COPY"
    return Function(prefix, "void", f"run_{name}", WORKER_PARAMS, tuple(run) or nothing)


def _flushed(run: Sequence[Stmt]) -> list[Stmt]:
    before = Declare("const uint64_t", "before", call("fnc_flush"))
    return [before, *run, Do(call("fnc_unflush", Name("before")))]
