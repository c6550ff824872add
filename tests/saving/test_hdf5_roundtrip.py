"""What the writer writes: our reader gives it back, h5py and h5dump read the same."""

from __future__ import annotations

import io
import subprocess

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fncompile.saving import hdf5_format as fmt
from fncompile.saving.errors import AttributeTooLargeError
from fncompile.saving.hdf5_checksum import lookup3
from fncompile.saving.hdf5_reader import read_buffer
from fncompile.saving.hdf5_writer import plan, write_bytes
from fncompile.saving.tree import Group
from tests.tools import need

from .trees import assert_equal, sample


def test_lookup3_known_values():
    """From the test driver of Jenkins' lookup3.c."""
    assert lookup3(b"") == 0xDEADBEEF
    assert lookup3(b"Four score and seven years ago") == 0x17770551


def test_reading_gives_what_was_written():
    data = write_bytes(sample())
    once = read_buffer(data)
    assert write_bytes(once) == data
    assert_equal(once, read_buffer(write_bytes(once)))
    assert once["types/S"].tolist() == [b"q", b"", b"rrr"]
    assert once.attrs["model_config"] == "{}é" and once.attrs["empty text"] == ""
    assert once.attrs["texts"].tolist() == ["ü".encode(), b"xyz"]
    assert once["scalar"].shape == () and once["empty/deep/er"].shape == (0, 4)


def test_arrays_are_aligned_read_only_views():
    data = write_bytes(sample())
    for path, array in read_buffer(data).datasets():
        assert not array.flags.writeable and not array.flags.owndata, path
    _, offsets = plan(sample())
    assert offsets and all(offset % 64 == 0 for offset in offsets.values())
    assert np.frombuffer(data, "f4", 77, offsets["layers/dense/vars/0"]).tolist() == (
        sample()["layers/dense/vars/0"].ravel().tolist()
    )


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype="f4").reshape(3, 4).T,
        np.arange(10, dtype="f4")[::-3],
        np.array([1, 2], ">i4"),
        np.array([np.nan, np.inf, -0.0]),
        np.broadcast_to(np.float32(2), (3, 4)),
        np.array(["ü", "abc"]),
        np.array(True),
    ],
)
def test_any_memory_order(array):
    back = read_buffer(write_bytes(Group(children={"a": array})))["a"]
    expected = np.char.encode(array, "utf-8") if array.dtype.kind == "U" else array
    np.testing.assert_array_equal(back, expected)


shapes = arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)


@given(
    arrays.arrays(st.sampled_from(["f2", "f4", "f8", "i1", "i8", "u2", "u8", "?", "S3"]), shapes)
)
def test_any_dataset(array):
    tree = Group(children={"a": array})
    data = write_bytes(tree)
    np.testing.assert_array_equal(read_buffer(data)["a"], array, strict=True)
    assert write_bytes(tree) == data


@given(arrays.arrays(st.sampled_from(["f4", "i8", "?"]), shapes))
def test_any_attribute(array):
    back = np.asarray(read_buffer(write_bytes(Group({"a": array}))).attrs["a"])
    np.testing.assert_array_equal(back, array, strict=True)


def test_text_that_is_not_utf8_is_not_written_as_a_scalar():
    with pytest.raises(ValueError, match="utf-8"):
        write_bytes(Group({"a": b"\x80"}))


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)


@settings(max_examples=40)
@given(
    st.recursive(
        st.builds(np.float32, st.floats(width=32)),
        lambda children: st.dictionaries(names.filter(lambda n: n not in (".", "..")), children),
    ).filter(lambda tree: isinstance(tree, dict))
)
def test_any_tree(content):
    def group(node):
        return Group(
            children={
                name: group(child) if isinstance(child, dict) else np.asarray(child)
                for name, child in node.items()
            }
        )

    tree = group(content)
    assert_equal(read_buffer(write_bytes(tree)), tree)


def test_empty_tree():
    data = write_bytes(Group())
    assert read_buffer(data) == Group()


def test_h5py_reads_the_same():
    h5py = pytest.importorskip("h5py")
    tree = read_buffer(write_bytes(sample()))
    with h5py.File(io.BytesIO(write_bytes(tree)), "r") as file:
        for path, array in tree.datasets():
            np.testing.assert_array_equal(file[path][()], array, strict=True)
        assert file.attrs["model_config"].decode() == "{}é"
        assert file.attrs["names"].tolist() == [b"a", b"bcd"]
        assert file.attrs["flag"] == True and file.attrs["n"] == 3  # noqa: E712
        assert file.attrs["no names"].shape == (0,) and file["no children"].keys() == set()


def test_h5py_reads_a_thousand_links_and_changes_the_file(tmp_path):
    h5py = pytest.importorskip("h5py")
    tree = Group()
    for index in range(1500):
        tree[f"many/{index}"] = np.array(index)
    (tmp_path / "x.h5").write_bytes(write_bytes(tree))
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        assert len(file["many"]) == 1500 and file["many/1499"][()] == 1499
        file["many/extra"] = np.ones(3)
        del file["many/0"]
    with h5py.File(tmp_path / "x.h5", "r") as file:
        assert file["many/extra"][()].tolist() == [1, 1, 1] and len(file["many"]) == 1500


def test_h5dump_reads_it(tmp_path):
    need("h5dump")
    (tmp_path / "x.h5").write_bytes(write_bytes(sample()))
    command = ["h5dump", "-d", "/layers/dense/vars/1", "-a", "/model_config", tmp_path / "x.h5"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "H5T_IEEE_F32LE" in text and "0, 1, 2, 3" in text and "{}" in text


def test_attribute_size_limit():
    with pytest.raises(AttributeTooLargeError, match="'model_config' of / takes 65"):
        write_bytes(Group({"model_config": "x" * 65_502}))
    data = write_bytes(Group({"model_config": "x" * 65_501}))
    assert read_buffer(data).attrs["model_config"] == "x" * 65_501
    h5py = pytest.importorskip("h5py")
    with h5py.File(io.BytesIO(data), "r") as file:
        assert file.attrs["model_config"] == b"x" * 65_501


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "x" * 70_000, 3])
def test_impossible_names(name):
    with pytest.raises(ValueError, match="HDF5"):
        write_bytes(Group(children={name: Group()}))


@pytest.mark.parametrize(
    "value",
    [
        None,
        object(),
        1 << 70,
        1j,
        np.array(["a", None], object),
        np.datetime64("2020-01-01"),
        np.zeros(1, [("a", "i4")]),
    ],
)
def test_values_outside_the_subset(value):
    with pytest.raises(TypeError, match="'odd' of /a/.*cannot be stored"):
        write_bytes(Group(children={"a": Group({"odd": value})}))


def test_depth_and_header_limits():
    tree = Group()
    tree["/".join("a" * fmt.MAX_DEPTH)] = Group()
    assert_equal(read_buffer(write_bytes(tree)), tree)
    tree["/".join("a" * (fmt.MAX_DEPTH + 1))] = Group()
    with pytest.raises(ValueError, match="nest deeper than 64"):
        write_bytes(tree)
    with pytest.raises(ValueError, match="too many links or attributes"):
        write_bytes(Group({f"{i:04}": np.zeros(60_000, "u1") for i in range(80)}))


def test_header_size_fields_of_every_width():
    for count in (1, 8, 70, 3000):
        tree = Group(children={f"{i:04}": Group() for i in range(count)})
        assert_equal(read_buffer(write_bytes(tree)), tree)
