"""Files made to mislead: each is refused with an error that says why, quickly and without memory.

`Forge` builds files whose checksums are right, so that the reader gets to see what is wrong.
"""

from __future__ import annotations

import contextlib
import random
import struct
import tracemalloc

import numpy as np
import pytest

from fncompile.saving import hdf5_format as fmt
from fncompile.saving.errors import FileFormatError, ForeignFormatError
from fncompile.saving.hdf5_checksum import lookup3
from fncompile.saving.hdf5_reader import read_buffer
from fncompile.saving.hdf5_writer import write_bytes
from fncompile.saving.tree import Group

from .trees import sample

GROUP = [(fmt.LINK_INFO, fmt.LINK_INFO_COMPACT), (fmt.GROUP_INFO, fmt.GROUP_INFO_DEFAULT)]


def summed(body: bytes) -> bytes:
    return body + struct.pack("<I", lookup3(body))


def header(messages, flags=2) -> bytes:
    body = b"".join(struct.pack("<BHB", kind, len(data), 0) + data for kind, data in messages)
    return summed(b"OHDR" + bytes((2, flags)) + struct.pack("<I", len(body)) + body)


def link(name: bytes, address: int) -> tuple[int, bytes]:
    return fmt.LINK, struct.pack("<BBBH", 1, 0x11, 1, len(name)) + name + struct.pack("<Q", address)


def attribute(name: str, value) -> tuple[int, bytes]:
    array = np.asarray(value.encode() if isinstance(value, str) else value)
    parts = name.encode() + b"\0", fmt.encode_dtype(array.dtype), fmt.encode_shape(array.shape)
    sizes = struct.pack("<BBHHHB", 3, 0, *map(len, parts), 1)
    return fmt.ATTRIBUTE, sizes + b"".join(parts) + (array.tobytes() or bytes(1))


def dataset(shape, address, size, dtype="f4", **changed) -> bytes:
    messages = {
        "space": (fmt.DATASPACE, fmt.encode_shape(shape)),
        "type": (fmt.DATATYPE, fmt.encode_dtype(np.dtype(dtype))),
        "fill": (fmt.FILL_VALUE, fmt.FILL_VALUE_DEFAULT),
        "layout": (fmt.LAYOUT, struct.pack("<BBQQ", 3, 1, address, size)),
        **changed,
    }
    return header([message for message in messages.values() if message])


def file(*headers: bytes, data: bytes = b"", root: int = 48, end: int | None = None) -> bytes:
    """A file of a superblock, headers and, 64-byte aligned, data."""
    body = b"".join(headers)
    if data:
        body = body.ljust(fmt.align(48 + len(body)) - 48, b"\0") + data
    size = 48 + len(body) if end is None else end
    fields = struct.pack("<BBBBQQQQ", 2, 8, 8, 0, 0, fmt.UNDEFINED, size, root)
    return summed(fmt.SIGNATURE + fields) + body


def one_dataset(shape=(4,), size=16, address=192, data=bytes(16), **changed) -> bytes:
    root = header([*GROUP, link(b"a", 0)])
    root = header([*GROUP, link(b"a", 48 + len(root))])
    return file(root, dataset(shape, address, size, **changed), data=data)


def refused(data: bytes, match: str, kind=FileFormatError) -> None:
    with pytest.raises(kind, match=match):
        read_buffer(data)


def test_the_forge_makes_sound_files():
    assert read_buffer(one_dataset())["a"].tolist() == [0, 0, 0, 0]
    assert read_buffer(file(header(GROUP))) == Group()


@pytest.mark.parametrize("size", [0, 1, 8, 9, 47, 48])
def test_shorter_than_its_superblock(size):
    refused(write_bytes(Group())[:size], "HDF5 file|ends inside|bytes; its superblock")


def test_superblock_lies():
    refused(file(header(GROUP), end=1 << 40), "its superblock says")
    refused(file(header(GROUP)) + b"\0", "its superblock says")
    refused(file(header(GROUP), root=1 << 63), "'/' is missing or lies outside")
    refused(file(header(GROUP), root=fmt.UNDEFINED), "'/' is missing or lies outside")
    refused(file(header(GROUP), root=0), "'/' is missing")
    refused(
        file(dataset((), fmt.UNDEFINED, 0, "S1", space=(1, fmt.encode_shape((0,))))),
        "root object is not a group",
    )


def test_a_cycle():
    refused(file(header([*GROUP, link(b"a", 48)])), "overlaps")


def test_two_names_for_one_dataset():
    root = header([*GROUP, link(b"a", 0), link(b"b", 0)])
    at = 48 + len(root)
    root = header([*GROUP, link(b"a", at), link(b"b", at)])
    refused(file(root, dataset((4,), 256, 16), data=bytes(16)), "overlaps")


def test_a_header_inside_another():
    inner = header(GROUP)
    holder = (fmt.ATTRIBUTE, b"\3\0" + inner)
    at = 48 + header([*GROUP, link(b"a", 0), holder]).index(inner)
    refused(file(header([*GROUP, link(b"a", at), holder])), "overlaps")


def test_deep_nesting_ends_in_an_error():
    headers, at = [], 48
    for _ in range(5000):
        size = len(header([*GROUP, link(b"a", 0)]))
        headers.append(header([*GROUP, link(b"a", at + size)]))
        at += size
    refused(file(*headers, header(GROUP)), "nest deeper")


def test_surplus_between_objects():
    refused(file(header(GROUP), bytes(64)), "belong to nothing", ForeignFormatError)
    refused(file(header(GROUP), b"\1"), "belong to nothing", ForeignFormatError)


def test_headers_too_large_to_be_true():
    body = b"OHDR" + bytes((2, 3)) + struct.pack("<Q", 1 << 62)
    refused(file(body + bytes(100)), "larger than any model")
    body = b"OHDR" + bytes((2, 2)) + struct.pack("<I", 1000)
    refused(file(body + bytes(100)), "beyond the end of the file")
    refused(file(header(GROUP)[:-4] + b"abcd"), "checksum")
    refused(file(b"OHDR\2"), "ends in the middle|missing")


def test_messages_that_do_not_fit():
    refused(file(summed(b"OHDR\2\0\x03abc")), "ends in a gap", ForeignFormatError)
    refused(file(summed(b"OHDR\2\0\x05\x06\xff\xff\0a")), "middle of a field")
    refused(file(header([*GROUP, (fmt.LINK, b"\1\x11\1\xff\xffabc")])), "middle of a field")
    refused(file(header([*GROUP, (fmt.LINK, link(b"a", 48)[1] + b"x")])), "1 bytes too many")
    refused(file(header([*GROUP, (fmt.ATTRIBUTE, b"\3\0\1")])), "middle of a field")


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"a\0b", b"\xff"])
def test_impossible_names(name):
    refused(file(header([*GROUP, link(name, 48)])), "impossible name|not UTF-8")


def test_names_twice():
    first = header([*GROUP, link(b"a", 0), link(b"a", 0)])
    root = header([*GROUP, link(b"a", 48 + len(first)), link(b"a", 0)])
    refused(file(root, header(GROUP)), "two members named 'a'")
    n = attribute("n", np.int8(7))
    refused(file(header([*GROUP, n, n])), "two attributes named 'n'")
    refused(file(header([*GROUP, GROUP[1]])), "two messages")
    refused(one_dataset(more=(fmt.LAYOUT, struct.pack("<BBQQ", 3, 1, 192, 16))), "two messages")


@pytest.mark.parametrize(
    "shape",
    [
        (1 << 62,),
        (1 << 32, 1 << 32),
        (1 << 63, 2),
        ((1 << 64) - 1,),
        (1 << 40,),
        (0, 1 << 63),
    ],
)
def test_shapes_beyond_the_file(shape):
    size = int(np.prod([float(e) for e in shape])) * 4
    claimed = size if size < 1 << 64 else 0
    refused(one_dataset(shape=shape, size=claimed), "beyond|no place|do not fit")
    refused(one_dataset(shape=shape, size=16), "beyond|do not fit")


@pytest.mark.parametrize(
    "address", [0, 48, 191, 193, 256, 1 << 63, fmt.UNDEFINED, fmt.UNDEFINED - 15]
)
def test_data_elsewhere(address):
    refused(one_dataset(address=address), "overlaps|beyond the end|not aligned|no place")


def test_overlapping_data():
    root = header([*GROUP, link(b"a", 0), link(b"b", 0)])
    at = 48 + len(root)
    size = len(dataset((4,), 0, 16))
    root = header([*GROUP, link(b"a", at), link(b"b", at + size)])
    both = dataset((20,), 320, 80), dataset((4,), 384, 16)
    refused(file(root, *both, data=bytes(80)), "overlaps")


def test_foreign_features_are_told_from_damage():
    def foreign(data):
        refused(data, "outside the subset|not contiguous", ForeignFormatError)

    for name in ("space", "type", "fill", "layout"):
        foreign(one_dataset(**{name: None}, pad=attribute("n", 1), address=256))
    foreign(one_dataset(layout=(fmt.LAYOUT, struct.pack("<BBQQ", 3, 2, 192, 16))))
    foreign(one_dataset(type=(fmt.DATATYPE, fmt.encode_dtype(np.dtype("f4"))[:-1] + b"\1")))
    foreign(one_dataset(type=(fmt.DATATYPE, b"")))
    foreign(one_dataset(space=(fmt.DATASPACE, b"")))
    foreign(one_dataset(space=(fmt.DATASPACE, bytes((2, 33, 0, 1)) + bytes(33 * 8))))
    foreign(file(header([*GROUP, (0x10, bytes(16))])))
    foreign(file(header([*GROUP, (fmt.LINK, b"\1\x18\1" + bytes(12))])))
    foreign(file(header(GROUP, flags=2 | 0x20)))
    data = file(header(GROUP))
    foreign(data[:8] + b"\0" + data[9:])


def test_attributes_that_lie():
    good = attribute("n", np.int8(7))[1]
    assert read_buffer(file(header([*GROUP, (fmt.ATTRIBUTE, good)]))).attrs == {"n": 7}
    refused(file(header([*GROUP, (fmt.ATTRIBUTE, good + b"x")])), "too many")
    refused(file(header([*GROUP, (fmt.ATTRIBUTE, good[:-1])])), "middle of a field")
    huge = fmt.encode_shape((1 << 60,))
    lying = b"\3\0\2\0\x0c\0\x0c\0\1n\0" + fmt.encode_dtype(np.dtype("i1")) + huge
    refused(file(header([*GROUP, (fmt.ATTRIBUTE, lying)])), "middle of a field")
    refused(file(header([*GROUP, (fmt.ATTRIBUTE, good.replace(b"n\0", b"nn"))])), "does not end")


def test_booleans_are_zero_or_one():
    refused(one_dataset(size=4, dtype="bool", address=256, data=b"\0\1\2\1"), "Boolean")


def test_digest_finds_a_changed_weight():
    data = bytearray(write_bytes(sample()))
    data[-2] ^= 4
    refused(bytes(data), "weights are damaged.*fncompile_digest")


@pytest.mark.parametrize(
    "text", ["", "md5:0:0", "blake2b256:0000000000000000:" + "0" * 64, "a:b:c"]
)
def test_digests_of_another_kind(text):
    root = header([*GROUP, attribute(fmt.DIGEST_NAME, text)])
    refused(file(root), "digest")


def find_headers(data: bytes) -> list[tuple[int, int]]:
    """Return (start, end) of the superblock and of each header in a sound file."""
    found, at = [(0, 48)], data.find(b"OHDR\2")
    while at >= 0:
        width = 1 << (data[at + 5] & 3)
        end = at + 6 + width + int.from_bytes(data[at + 6 : at + 6 + width], "little") + 4
        found.append((at, end))
        at = data.find(b"OHDR\2", end)
    return found


def mend(data: bytearray, sound: bytes, headers: list[tuple[int, int]]) -> None:
    """Make the checksums of the changed headers right again."""
    for start, end in headers:
        if end <= len(data) and data[start:end] != sound[start:end]:
            data[end - 4 : end] = struct.pack("<I", lookup3(bytes(data[start : end - 4])))


def mutate(data: bytearray, limit: int, rng: random.Random) -> None:
    """Change some of the first `limit` bytes: a bit, a byte, a number, or a piece moved about."""
    at = rng.randrange(limit)
    choice = rng.randrange(4)
    if choice == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif choice == 1:
        data[at] = rng.randrange(256)
    elif choice == 2:
        odd = [0, 1, 0xFF, 0xFFFF, 1 << 31, 1 << 62, fmt.UNDEFINED, fmt.UNDEFINED - 1]
        value = rng.choice([*odd, rng.randrange(len(data) + 64)])
        data[at : at + 8] = value.to_bytes(8, "little")[: len(data) - at]
    else:
        start, size = rng.randrange(len(data)), rng.randrange(24)
        piece = data[start : start + size]
        data[at : at + len(piece)] = piece[: len(data) - at]


def mutated_files(count: int, seed: int):
    tree = Group({"n": 1, "names": np.array([b"a", b"bc"])})
    tree["a/vars/0"] = np.arange(6, dtype="f4").reshape(2, 3)
    tree["a/vars/1"] = np.array(3, "i8")
    tree["b/empty"] = np.zeros((0, 4), "?")
    sound = write_bytes(tree)
    headers, rng = find_headers(sound), random.Random(seed)
    for _ in range(count):
        data = bytearray(sound)
        if rng.randrange(8) == 0:
            del data[rng.randrange(1, len(data)) :]
        for _ in range(rng.randint(1, 3)):
            mutate(data, min(headers[-1][1], len(data)), rng)
        if rng.randrange(8):
            mend(data, sound, headers)
        yield bytes(data)


def test_thousands_of_mutations():
    """Every mutated file gives a tree of views, no larger than itself, or a FileFormatError."""
    survivors = 0
    for data in mutated_files(5000, seed=1):
        try:
            tree = read_buffer(data)
        except FileFormatError:
            continue
        survivors += 1
        assert sum(array.nbytes for _, array in tree.datasets()) <= len(data)
    assert survivors > 20, "the mutations should leave some files readable"


def test_mutations_take_little_memory():
    tracemalloc.start()
    for data in mutated_files(100, seed=2):
        with contextlib.suppress(FileFormatError):
            read_buffer(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
