"""Pictures, files, windows of sequences and data sets in two."""

from __future__ import annotations

import hashlib
import tarfile

import numpy as np
import pytest

import fncompile
from fncompile import layers, utils

IMAGE = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype("uint8")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_picture_comes_back(tmp_path, data_format):
    x = IMAGE if data_format == "channels_last" else IMAGE.transpose(2, 0, 1)
    utils.save_img(tmp_path / "x.png", x, data_format, scale=False)
    found = utils.img_to_array(utils.load_img(tmp_path / "x.png"), data_format)
    np.testing.assert_array_equal(found, x)
    gray = utils.load_img(tmp_path / "x.png", "grayscale", target_size=(2, 3))
    assert utils.img_to_array(gray).shape == (2, 3, 1)
    kept = utils.load_img(tmp_path / "x.png", target_size=(5, 5), keep_aspect_ratio=True)
    np.testing.assert_array_equal(utils.img_to_array(kept), IMAGE[:, 1:6])
    with pytest.raises(ValueError, match="Invalid interpolation method"):
        utils.load_img(tmp_path / "x.png", target_size=(2, 2), interpolation="guess")


def test_a_file_is_checked_and_unpacked(tmp_path):
    folder = tmp_path / "datasets"
    folder.mkdir()
    (folder / "a.txt").write_text("hello")
    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        archive.add(folder / "a.txt", "inside/a.txt")
    digest = hashlib.sha256(b"hello").hexdigest()
    at = dict(cache_dir=tmp_path, origin="https://example.org/a.txt")
    assert utils.get_file("a.txt", file_hash=digest, **at) == str(folder / "a.txt")
    unpacked = utils.get_file("a.tar.gz", extract=True, **at)
    assert (folder / "a_extracted/inside/a.txt").read_text() == "hello"
    assert unpacked == str(folder / "a_extracted")
    with pytest.raises(ValueError, match="another content than expected"):
        utils.get_file("a.txt", file_hash=digest[::-1], **at)
    with pytest.raises(FileNotFoundError, match="Fetch https://example.org/a.txt and put it there"):
        utils.get_file("b.txt", **at)


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out.txt", "link"])
def test_nothing_leaves_the_folder_of_an_archive(tmp_path, name):
    member = tarfile.TarInfo(name)
    if name == "link":
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(member)
    with pytest.raises(ValueError, match="no file inside"):
        utils.get_file(str(tmp_path / "a.tar"), origin="https://example.org/a.tar", extract=True)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.tar"]


@pytest.mark.parametrize(("length", "stride", "rate"), [(3, 1, 1), (2, 3, 1), (4, 2, 2)])
def test_windows_are_slices(length, stride, rate):
    x = np.random.default_rng(1).normal(size=(20, 2)).astype("float32")
    data = utils.timeseries_dataset_from_array(
        x, x[:, 0], length, stride, rate, batch_size=4, start_index=2, end_index=18
    )
    windows = np.concatenate([batch[0] for batch in data])
    labels = np.concatenate([batch[1] for batch in data])
    begins = range(2, 18 - (length - 1) * rate, stride)
    expected = [x[at : at + length * rate : rate] for at in begins]
    np.testing.assert_array_equal(windows, expected)
    np.testing.assert_array_equal(labels, x[: len(begins) * stride : stride, 0])


def test_a_model_trains_on_windows():
    x = np.arange(40.0, dtype="float32")[:, None] / 40
    data = utils.timeseries_dataset_from_array(x, x[3:], 3, batch_size=8, shuffle=True, seed=1)
    inputs = fncompile.Input((3, 1))
    model = fncompile.Model(inputs, layers.Dense(1)(layers.Flatten()(inputs)))
    model.compile("sgd", "mse")
    with fncompile.flags(interp=True):
        losses = model.fit(data, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_a_data_set_in_two():
    x, y = np.arange(10), np.arange(10) * 2
    left, right = utils.split_dataset((x, y), left_size=0.8, shuffle=True, seed=1)
    seen = np.concatenate([left[0][0], right[0][0]])
    assert sorted(seen) == list(range(10)) and len(right[0][0]) == 2
    np.testing.assert_array_equal(left[0][1], left[0][0] * 2)
    assert utils.split_dataset(iter("abc"), right_size=1) == (["a", "b"], ["c"])
    with pytest.raises(ValueError, match="greater than the data set"):
        utils.split_dataset(x, 6, 7)
    with pytest.raises(ValueError, match="At least one"):
        utils.split_dataset(x)


def test_automatic_logs_are_lines_where_bars_are_switched_off(capsys):
    inputs = fncompile.Input((1,))
    model = fncompile.Model(inputs, layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    utils.disable_interactive_logging()
    try:
        with fncompile.flags(interp=True):
            model.fit(np.ones((4, 1)), np.ones((4, 1)))
        assert not utils.is_interactive_logging_enabled()
    finally:
        utils.enable_interactive_logging()
    assert "━" not in capsys.readouterr().out
