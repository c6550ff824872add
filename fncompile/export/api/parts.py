"""The public functions of a step of training in parts."""

from __future__ import annotations

from fncompile.codegen.ctree import Name
from fncompile.codegen.expr import c_type
from fncompile.export.api.calls import (
    check_batch,
    listed,
    more_sizes,
    one_batch,
    param,
    real,
)
from fncompile.export.api.library import Library, Port
from fncompile.export.api.public import CONST_CTX, CTX, Public, public, runtime

PARTS = "Steps in parts (mode split)"

_FORWARD = """The first part of a step on a batch of n samples: outputs and loss as in training.
backward is the second, before any other call of this context that computes something, and with
all these arrays still as they are then. Metrics, random seeds and moving
statistics have advanced when both are done; backward may be left out."""
_BACKWARD = """Add the gradients of the loss to those that there are."""
_ZERO = "Let the gradients be 0, as they are in a new context."
_STEP = """One step of the optimizer with the gradients that there are, which stay as they are.
What train_step does is zero_grad, forward, backward and optimizer_step up to the rounding of
single operations; the latter give the same bits wherever they run, as Python's do."""
_GET = """The gradients, in the places that the weights have in the array of get_params; 0 for those
that are not trained."""
_SET = "Set them, such as to their mean over many machines."
_ADD = "Add to them."
_ONE = """Those of weight i, of which {m}_param_info(i) tells, and which {m}_param_index finds by
its name, in an array of its dtype and `count` elements."""
_SCALE = "Multiply them, such as by 1 / k when those of k batches have been added."
_TRAINABLE = """Freeze the weights of a layer, or train them again. `layer` is the beginning of the
names of its weights up to a slash, or the name of one weight. Frozen weights and what the optimizer
keeps for them stay as they are; moving statistics advance all the same. While any weight is frozen,
train_step and train_steps answer {M}_ERR_STATE: they do all of a step at once."""
_INPUT = """Gradients of inputs for those of outputs, of what predict computes: where `d_y` is the
gradient of something for the output `y`, that for the input `x` is written to `d_x`. Nothing else
changes."""


def parts(library: Library) -> list[Public]:
    found = [_forward(library), _backward(library), _zero(library), _optimizer_step(library)]
    found += [*_exchanged(library), _scale(library), _trainable(library)]
    return [*found, _input_gradients(library)] if "input_gradient" in library.steps else found


def _forward(library: Library) -> Public:
    step = library.steps["gradient"]
    outputs = step.outputs[:-1]  # the last one is the loss
    ports = (*step.inputs, *outputs)
    loss = "`loss`, unless null, receives the loss of the batch."
    doc = f"{_FORWARD}\n{listed(library, ports)}\n{loss}"
    sizes = more_sizes(library, step)
    params = ("ctx", "int64_t n", *sizes, *map(param, ports), f"{real(library)} *loss")
    outs = [Name(p.name) for p in outputs]
    body = one_batch(library, step, outs, "fnc_ctx_forward", "loss")
    return public(library, PARTS, "forward", params, doc, *check_batch(library, step), *body)


def _backward(library: Library) -> Public:
    body = runtime("fnc_ctx_backward", CTX)
    return public(library, PARTS, "backward", ("ctx",), _BACKWARD, body)


def _zero(library: Library) -> Public:
    return public(library, PARTS, "zero_grad", ("ctx",), _ZERO, runtime("fnc_ctx_zero_grad", CTX))


def _optimizer_step(library: Library) -> Public:
    body = runtime("fnc_ctx_run", CTX, "&step_optimizer", "NULL", "NULL", "NULL")
    return public(library, PARTS, "optimizer_step", ("ctx",), _STEP, body)


def _exchanged(library: Library) -> list[Public]:
    """Gradients read, written and added to: all of them, and one by one."""
    number, count = c_type(library.param_dtype), "int64_t count"
    one = _ONE.format(m=library.prefix)
    rows = (
        ("get", CONST_CTX, "const ctx", "", (_GET, one)),
        ("set", CTX, "ctx", "const ", (_SET, "Set them.")),
        ("add", CTX, "ctx", "const ", (_ADD, _ADD)),
    )
    found = [
        public(
            library, PARTS, f"{verb}_gradients",
            (self, f"{const}{number} *gradients", count), docs[0],
            runtime(f"fnc_ctx_{verb}_gradients", ctx, "gradients", "count"),
        )
        for verb, ctx, self, const, docs in rows
    ]  # fmt: skip
    return found + [
        public(
            library, PARTS, f"{verb}_gradient",
            (self, "int32_t i", f"{const}void *values", count), docs[1],
            runtime(f"fnc_ctx_{verb}_gradient", ctx, "i", "values", "count"),
        )
        for verb, ctx, self, const, docs in rows
    ]  # fmt: skip


def _scale(library: Library) -> Public:
    body = runtime("fnc_ctx_scale_gradients", CTX, "factor")
    return public(library, PARTS, "scale_gradients", ("ctx", "double factor"), _SCALE, body)


def _trainable(library: Library) -> Public:
    body = runtime("fnc_ctx_set_trainable", CTX, "layer", "trainable")
    params = ("ctx", "const char *layer", "int32_t trainable")
    doc = _TRAINABLE.replace("{M}", library.macro)
    return public(library, PARTS, "set_trainable", params, doc, body)


def _input_gradients(library: Library) -> Public:
    step = library.steps["input_gradient"]
    ports: tuple[Port, ...] = (*step.inputs, *step.outputs)
    doc = f"{_INPUT}\n{listed(library, ports)}"
    params = ("ctx", "int64_t n", *more_sizes(library, step), *map(param, ports))
    body = one_batch(library, step, [Name(p.name) for p in step.outputs])
    return public(
        library, PARTS, "input_gradients", params, doc, *check_batch(library, step), *body
    )
