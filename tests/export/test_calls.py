"""What a library answers to wrong arguments, and that a refused call changes nothing."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_void_p

import numpy as np
import pytest

import fncompile
from fncompile.export.api.header import STATUS
from fncompile.flags import flag
from fncompile.runtime import binding
from tests.export.library import (
    ARENA,
    ARG,
    MEMORY,
    OK,
    PREDICT,
    PRIVATE,
    RANGE,
    SHAPE,
    SPLIT,
    STATE,
    TRAIN,
    Context,
    Library,
    address,
)
from tests.export.zoo import MAKERS, SIZES, data

BIG = 2**62


def test_an_extent_that_has_to_be_divided(tmp_path):
    """What does not come out is a status; the header sizes the outputs by C's own division."""
    x = fncompile.Input((None, 4), name="x")
    third = fncompile.ops.split(x, 3, axis=1)[1]
    model = fncompile.Model(x, [third, x[:, 1::2]], name="parts")
    library = Library(model.export(tmp_path, march=flag("target")))
    assert library.macro(r"OUT_SPLIT_SIZE\(x_1\)") == "(4 * ((x_1) / 3))"
    assert library.macro(r"OUT_GET_ITEM_SIZE\(x_1\)") == "(4 * ((x_1) / 2))"
    context = Context(library, PREDICT, 2, 10)
    for length in (9, 3, 0):
        x = np.random.default_rng(0).normal(size=(2, length, 4)).astype("float32")
        found = np.empty((2, length // 3, 4), "float32"), np.empty((2, length // 2, 4), "float32")
        context.ok("predict", 2, length, x, *found)
        np.testing.assert_array_equal(found[0], x[:, length // 3 : length // 3 * 2])
        np.testing.assert_array_equal(found[1], x[:, 1::2])
    for length in (8, 10, 1):
        assert context.call("predict", 2, length, *map(np.copy, (x, *found))) == SHAPE
    assert context.call("predict", 2, 12, x, *found) == ARENA


@pytest.fixture
def library(exported):
    return exported("classifier")[1]


def test_predict_refuses_without_writing(library):
    context = Context(library, PREDICT, 8)
    x, out = np.zeros((9, 20), "float32"), np.full((9, 10), 7, "float32")
    for status, *args in [
        (SHAPE, -1, x, out),
        (SHAPE, -BIG, x, out),
        (ARENA, 9, x, out),
        (ARENA, BIG, x, out),
        (ARG, 8, None, out),
        (ARG, 8, x, None),
        (ARG, 8, x.ctypes.data + 1, out),
        (ARG, 7, x, out.ctypes.data + 2),
    ]:
        assert context.call("predict", *args) == status, args
    assert (out == 7).all()
    assert library.predict(None, 1, x.ctypes.data, out.ctypes.data) == ARG


def test_an_empty_batch_may_have_no_arrays(library):
    context = Context(library, PREDICT, 8)
    out = np.full((1, 10), 7, "float32")
    assert context.call("predict", 0, None, None) == OK
    assert context.call("predict", 0, out, out) == OK and (out == 7).all()


@pytest.mark.parametrize("name, place, wrong", [
    ("classifier", 1, 10), ("classifier", 1, -1), ("sequences", 0, 11), ("sequences", 0, -(2**31)),
])  # fmt: skip
def test_indices_that_the_model_does_not_have(exported, name, place, wrong):
    """A status of its own, before anything has changed, in every call that takes the array."""
    library, sizes = exported(name)[1], [SIZES[name]] if name in SIZES else []
    context, arrays = Context(library, TRAIN, 8, *sizes), data(name, 8)
    index, loss, before = np.arange(8), np.full(1, 7, "float32"), context.checkpoint()
    bad = [a.copy() for a in arrays]
    bad[place].flat[-1] = wrong
    count = len(exported(name)[0].inputs)
    for call in ("train_step", "eval_step"):
        assert context.call(call, 8, *sizes, *bad, loss) == RANGE
        assert context.call(f"{call}s", index, 8, 3, 8, *sizes, *bad, loss) == RANGE
    if place < count:
        shapes = [o.shape for o in predictions(name, arrays[:count])]
        outputs = [np.full(shape, 7, "float32") for shape in shapes]
        assert context.call("predict", 8, *sizes, *bad[:count], *outputs) == RANGE
        assert all((o == 7).all() for o in outputs)
    assert loss[0] == 7 and context.checkpoint() == before
    context.ok("train_steps", index[:7], 7, 3, 8, *sizes, *bad, loss)  # the rows without it
    known = {"classifier": "target: in, target, int32 (n), 0 to 9", "sequences": ", 0 to 10"}
    assert "ERR_RANGE = -8" in library.text and known[name] in library.text


def predictions(name, inputs):
    model = MAKERS[name]()
    found = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    return found if isinstance(found, list) else [found]


def test_a_context_for_no_samples_is_refused(exported):
    """Of the other sizes any may be zero: an empty text is one."""
    library, pointer = exported("classifier")[1], c_void_p()
    memory = np.zeros(1 << 20, np.uint8)
    for mode in (PREDICT, PRIVATE, TRAIN):
        for batch in (0, -1, -(2**63)):
            assert library.ctx_size(mode, batch) == ARG
            assert library.create(mode, batch, byref(pointer)) == ARG
            assert library.init(address(memory), memory.nbytes, mode, batch, byref(pointer)) == ARG
    assert exported("sequences")[1].ctx_size(PREDICT, 1, 0) > 0


@pytest.mark.parametrize("rate", [np.nan, -np.nan, -1e-3, -np.inf, np.inf, -1e-45])
def test_learning_rates_that_are_none(exported, rate):
    context, found = Context(exported("classifier")[1], TRAIN, 1), np.zeros(1, "float32")
    context.ok("set_lr", 0.125)
    assert context.call("set_lr", rate) == ARG
    context.ok("get_lr", found)
    assert found[0] == 0.125
    for good in (0.0, -0.0, 1e-45, 3e38):
        context.ok("set_lr", good)
        context.ok("get_lr", found)
        assert found[0] == np.float32(good)


def test_training_refuses_without_changing_anything(library):
    context = Context(library, TRAIN, 8)
    x, y = data("classifier", 9)
    index, loss = np.arange(9), np.full(1, 7, "float32")
    before = context.checkpoint()
    for status, name, *args in [
        (SHAPE, "train_step", -1, x, y, loss),
        (SHAPE, "train_step", 0, x, y, loss),
        (ARENA, "train_step", 9, x, y, loss),
        (ARG, "train_step", 8, None, y, loss),
        (ARG, "train_step", 8, x, None, loss),
        (ARG, "train_step", 8, x, y.ctypes.data + 1, loss),
        (SHAPE, "eval_step", 0, x, y, loss),
        (ARG, "eval_step", 8, x, None, loss),
        (ARG, "train_steps", None, 9, 8, 9, x, y, loss),
        (ARG, "train_steps", index, -1, 8, 9, x, y, loss),
        (ARG, "train_steps", index, 9, 0, 9, x, y, loss),
        (ARG, "train_steps", index, 9, -8, 9, x, y, loss),
        (ARG, "train_steps", index, 9, 8, -9, x, y, loss),
        (ARG, "train_steps", index, 9, 8, 8, x, y, loss),  # row 8 of 8
        (ARG, "train_steps", -index, 9, 8, 9, x, y, loss),
        (ARG, "train_steps", index.ctypes.data + 1, 9, 8, 9, x, y, loss),
        (ARENA, "train_steps", index, 9, 9, 9, x, y, loss),
        (ARENA, "train_steps", index, 9, BIG, 9, x, y, loss),
        (ARG, "metrics", None),
        (ARG, "get_lr", None),
        (ARG, "iterations", None),
        (ARG, "get_params", None, 0),
        (ARG, "set_params", None, 0),
        (ARG, "set_params", x, 5),
        (ARG, "set_params", x, BIG),
    ]:
        assert context.call(name, *args) == status, (name, args)
    assert loss[0] == 7 and context.checkpoint() == before and context.metrics() == [0, 0]
    assert context.call("train_steps", index, 0, 8, 9, x, y, loss) == OK
    assert context.checkpoint() == before


def test_predicting_contexts_do_not_train(library):
    x, y = data("classifier", 1)
    values = np.zeros(2, "float32")
    for mode in (PREDICT, PRIVATE):
        context = Context(library, mode, 8)
        assert context.call("train_step", 1, x, y, None) == STATE
        assert context.call("eval_step", 1, x, y, None) == STATE
        assert context.call("train_steps", np.zeros(1, np.int64), 1, 1, 1, x, y, None) == STATE
        assert context.call("reset_metrics") == context.call("metrics", values) == STATE
        assert context.call("set_lr", 1.0) == context.call("get_lr", values) == STATE
        assert context.call("iterations", np.zeros(1, np.int64)) == STATE
    flat = np.zeros(int(library.macro("NUM_PARAMS")), "float32")
    assert Context(library, PREDICT, 8).call("set_params", flat, len(flat)) == STATE


def test_sizes_of_contexts(library):
    assert library.ctx_size(-1, 8) == library.ctx_size(4, 8) == library.ctx_size(PREDICT, -1) == ARG
    assert library.ctx_size(TRAIN, BIG) == library.ctx_size(PREDICT, 2**45) == MEMORY
    assert (
        0 < library.ctx_size(PREDICT, 8) < library.ctx_size(PRIVATE, 8)
        < library.ctx_size(TRAIN, 8) < library.ctx_size(SPLIT, 8)
    )
    pointer = c_void_p()
    assert library.create(4, 8, byref(pointer)) == ARG
    assert library.create(PREDICT, 8, None) == ARG
    assert library.create(PREDICT, 2**40, byref(pointer)) in (MEMORY, OK)
    library.destroy(pointer)
    library.destroy(None)


def test_init_writes_nothing_where_it_refuses(library):
    needed = library.ctx_size(TRAIN, 8)
    memory, pointer = np.full(needed, 7, np.uint8), c_void_p(5)
    assert library.init(memory.ctypes.data, needed - 1, TRAIN, 8, byref(pointer)) == MEMORY
    assert library.init(memory.ctypes.data, -1, TRAIN, 8, byref(pointer)) == MEMORY
    assert library.init(None, needed, TRAIN, 8, byref(pointer)) == ARG
    assert library.init(memory.ctypes.data, needed, 9, 8, byref(pointer)) == ARG
    assert (memory == 7).all() and pointer.value == 5


@pytest.mark.parametrize("offset", [0, 1, 63])
def test_a_context_stays_within_its_memory(library, offset):
    """Whatever the alignment; the bytes around it keep their values while it trains and
    predicts."""
    needed = library.ctx_size(TRAIN, 8)
    memory, pointer = np.full(needed + 256, 0xA5, np.uint8), c_void_p()
    start = -memory.ctypes.data % 64 + offset
    assert library.init(memory.ctypes.data + start, needed, TRAIN, 8, byref(pointer)) == OK
    x, y = data("classifier", 8)
    arrays, out = [a.ctypes.data for a in (x, y)], np.empty((8, 10), "float32")
    index = np.arange(8)
    assert library.train_step(pointer, 8, *arrays, None) == OK
    assert library.train_steps(pointer, index.ctypes.data, 8, 8, 8, *arrays, None) == OK
    assert library.eval_steps(pointer, index.ctypes.data, 8, 3, 8, *arrays, None) == OK
    assert library.predict(pointer, 8, arrays[0], out.ctypes.data) == OK
    assert (memory[:start] == 0xA5).all() and (memory[start + needed :] == 0xA5).all()


def test_a_context_of_another_model_is_refused(exported):
    one, other = exported("plain")[1], exported("scheduled")[1]
    context = Context(one, PREDICT, 8)
    x, out = np.zeros((1, 6), "float32"), np.zeros((1, 8), "float32")
    assert other.predict(context.pointer, 1, x.ctypes.data, out.ctypes.data) == ARG
    assert other.clone_shared(context.pointer, byref(c_void_p())) == ARG
    assert other.clone_shared(None, byref(c_void_p())) == ARG


def test_a_fixed_batch_is_the_only_one(exported):
    _, library = exported("fixed_batch")
    context = Context(library, TRAIN)
    x, y, out = (
        np.zeros((5, 6), "float32"),
        np.zeros((5, 8), "float32"),
        np.full((5, 8), 7, "float32"),
    )
    for n in (-1, 0, 3, 5):
        assert context.call("predict", n, x, out) == SHAPE
        assert context.call("train_step", n, x, y, None) == SHAPE
    assert (out == 7).all()


def test_open_sizes_are_checked_too(exported):
    _, library = exported("sequences")
    context = Context(library, PREDICT, 2, 5)
    tokens, more = np.zeros((2, 6), "int32"), np.zeros((2, 6, 16), "float32")
    out = [np.zeros((2, 6, 16), "float32"), np.zeros((2, 8), "float32")]
    assert context.call("predict", 2, 6, tokens, more, *out) == ARENA
    assert context.call("predict", 2, -1, tokens, more, *out) == SHAPE
    assert context.call("predict", 2, 5, tokens, more, *out) == OK
    assert library.ctx_size(TRAIN, 2**30, 2**30) == MEMORY


# weights that are shared ------------------------------------------------------------------------


def test_contexts_share_weights(library):
    x = data("classifier", 4)[0]
    source = Context(library, TRAIN, 4)
    clone, again = c_void_p(), c_void_p()
    assert library.clone_shared(source.pointer, byref(clone)) == OK
    assert library.clone_shared(clone, byref(again)) == OK
    for _ in range(2):  # the clones see what the source has learnt
        outputs = [np.empty((4, 10), "float32") for _ in range(3)]
        for context, out in zip((source.pointer, clone, again), outputs, strict=True):
            assert library.predict(context, 4, x.ctypes.data, out.ctypes.data) == OK
        assert outputs[0].tobytes() == outputs[1].tobytes() == outputs[2].tobytes()
        source.ok("train_step", 4, *data("classifier", 4), None)
    flat = np.empty(int(library.macro("NUM_PARAMS")), "float32")
    assert library.get_params(clone, flat.ctypes.data, len(flat)) == OK
    assert flat.tobytes() == source.params().tobytes()
    assert library.set_params(clone, flat.ctypes.data, len(flat)) == STATE
    library.destroy(again)
    library.destroy(clone)


def test_a_clone_is_as_large_as_its_source(library):
    source, clone = Context(library, PRIVATE, 4), c_void_p()
    needed = library.ctx_size(PREDICT, 4)
    memory = np.empty(needed, np.uint8)
    assert (
        library.init_shared(memory.ctypes.data, needed - 1, source.pointer, byref(clone)) == MEMORY
    )
    assert library.init_shared(memory.ctypes.data, needed, source.pointer, byref(clone)) == OK
    x, out = np.zeros((5, 20), "float32"), np.empty((5, 10), "float32")
    assert library.predict(clone, 4, x.ctypes.data, out.ctypes.data) == OK
    assert library.predict(clone, 5, x.ctypes.data, out.ctypes.data) == ARENA


def test_private_weights_are_private(library):
    one, other = Context(library, PRIVATE, 4), Context(library, PRIVATE, 4)
    flat = one.params()
    one.ok("set_params", flat * 2, len(flat))
    assert other.params().tobytes() == flat.tobytes()
    x = data("classifier", 4)[0]
    outputs = [np.empty((4, 10), "float32") for _ in range(3)]
    one.ok("predict", 4, x, outputs[0])
    other.ok("predict", 4, x, outputs[1])
    assert outputs[0].tobytes() != outputs[1].tobytes()
    one.ok("set_params", flat, len(flat))  # also what was prepared from the weights follows them
    one.ok("predict", 4, x, outputs[2])
    assert outputs[2].tobytes() == outputs[1].tobytes()


def test_threads_with_contexts_of_their_own(library):
    """Eight threads over one set of weights give the bits that one thread gives."""
    from concurrent.futures import ThreadPoolExecutor

    source = Context(library, PRIVATE, 16)
    x = data("classifier", 16)[0]

    def run(_):
        clone, out = c_void_p(), np.empty((16, 10), "float32")
        assert library.clone_shared(source.pointer, byref(clone)) == OK
        for _ in range(50):
            assert library.predict(clone, 16, x.ctypes.data, out.ctypes.data) == OK
        library.destroy(clone)
        return out.tobytes()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(run, range(8)))) == 1


def test_numbers_of_threads_that_are_refused(library):
    context = Context(library, PREDICT, 4)
    for count in (0, -1, 1 << 20):
        assert context.call("set_threads", count) == ARG
    assert library.set_threads(None, 2) == ARG


# facts ------------------------------------------------------------------------------------------


def test_learning_rate(exported):
    _, library = exported("classifier")
    context, rate = Context(library, TRAIN, 8), np.zeros(1, "float32")
    context.ok("set_lr", 0.0)
    before = context.params()
    context.ok("train_step", 8, *data("classifier", 8), None)
    moved = context.params() != before
    assert moved.sum() <= 32  # the moving statistics of the normalization, which no rate governs
    context.ok("set_lr", 0.25)
    context.ok("get_lr", rate)
    assert rate[0] == 0.25
    assert "set_lr" not in exported("scheduled")[1].text  # a schedule sets it


def test_statuses_have_words_and_python_s_numbers(library):
    texts = {library.status_str(status) for status in [*binding.STATUS, -99]}
    assert len(texts) == len(binding.STATUS) + 1
    assert {number for _, number, _ in STATUS} == set(binding.STATUS)


class Info(ctypes.Structure):
    """`tensor_info` of the header."""

    _fields_ = [
        ("name", ctypes.c_char_p), ("dtype", ctypes.c_char_p),
        ("count", ctypes.c_int64), ("first", ctypes.c_int64),
        ("trainable", ctypes.c_int32), ("rank", ctypes.c_int32), ("dims", ctypes.c_int64 * 8),
    ]  # fmt: skip


def info(address: int) -> tuple:
    found = Info.from_address(address)
    return found.name.decode(), found.dtype.decode(), found.count, list(found.dims[: found.rank])


def test_a_library_describes_itself(exported):
    model, library = exported("sequences")
    assert info(library.input_info(0)) == ("tokens", "int32", -1, [-1, -1])
    assert info(library.input_info(1)) == ("n", "float32", -1, [-1, -1, 16])
    assert info(library.output_info(1)) == ("int", "float32", 8, [-1, 8])
    assert (
        library.input_info(2)
        is library.input_info(-1)
        is library.output_info(2)
        is library.param_info(99)
        is None
    )
    for i, weight in enumerate(model.weights):
        assert info(library.param_info(i)) == (
            weight.path,
            weight.dtype,
            weight.size,
            list(weight.shape),
        )
    first = [Info.from_address(library.param_info(i)).first for i in range(len(model.weights))]
    assert first == np.cumsum([0, *(w.size for w in model.weights)])[:-1].tolist()
    names = [library.metric_name(i).decode() for i in range(int(library.macro("NUM_METRICS")))]
    assert names == [name for name, _ in model._objective.results()]
    assert library.metric_name(99) is None
    assert library.abi_version() == int(library.macro("ABI_VERSION")) == 1
    assert library.model_hash().decode() == library.macro("HASH").strip('"')
    assert b"fncompile" in library.build_info()
