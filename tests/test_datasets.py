"""MNIST: the packaged sample, the full files where they are found, and files that are not."""

from __future__ import annotations

import gzip
import shutil
import struct
import tracemalloc

import numpy as np
import pytest

from fncompile import flags
from fncompile.datasets import idx, mnist
from fncompile.datasets.make_mnist_sample import main as make_sample
from fncompile.datasets.make_mnist_sample import stratified

# Digits of the full sets, in thousands, as their authors publish them.
TRAIN = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def small_set(directory, train=50, test=20):
    """The files of a set in MNIST's form, of random images; returns their arrays."""
    rng = np.random.default_rng(7)
    directory.mkdir(exist_ok=True)
    parts = {}
    for part, n in (("train", train), ("test", test)):
        x = rng.integers(0, 256, (n, 28, 28), np.uint8)
        y = rng.integers(0, 10, n, np.uint8)
        idx.write(directory / mnist.IMAGES[part], x)
        idx.write(directory / mnist.LABELS[part], y)
        parts[part] = x, y
    return parts


def test_sample_has_the_shapes_and_types_of_keras():
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert (x_train.shape, y_train.shape) == ((12000, 28, 28), (12000,))
    assert (x_test.shape, y_test.shape) == ((2000, 28, 28), (2000,))
    for array in (x_train, y_train, x_test, y_test):
        assert array.dtype == np.uint8 and array.flags.writeable and array.flags.c_contiguous


def test_sample_is_stratified_and_unsorted():
    (_, y_train), (_, y_test) = mnist.load_data()
    for y, full in ((y_train, TRAIN), (y_test, TEST)):
        share = np.array(full) * len(y) / sum(full)
        assert (np.abs(np.bincount(y, minlength=10) - share) < 1).all()
        first_half = np.bincount(y[:len(y) // 2], minlength=10)
        assert (np.abs(first_half - share / 2) < 0.2 * share).all(), "a split stays balanced"


def test_sample_holds_digits():
    """Ink, background and centring of real MNIST, and classes that differ: nearest mean works."""
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert x_train.max() == 255 and 32 < x_train.mean() < 35
    assert not x_train[:, 0].any() or x_train[:, 0].mean() < 0.1
    means = np.stack([x_train[y_train == digit].mean(0).ravel() for digit in range(10)])
    distance = ((x_test.reshape(-1, 1, 784) - means) ** 2).sum(-1)
    assert (distance.argmin(1) == y_test).mean() > 0.78


def test_sample_is_small_and_says_where_it_is_from():
    files = list(mnist.SAMPLE.iterdir())
    assert sum(file.stat().st_size for file in files) < 3_000_000
    text = (mnist.SAMPLE / "README.md").read_text()
    for word in ("LeCun", "Cortes", "Burges", "CC BY-SA 3.0"):
        assert word in text


@pytest.mark.parametrize("below", [".", "mnist"])
def test_full_files_are_used_where_they_are_found(tmp_path, below):
    parts = small_set(tmp_path / below)
    with flags(data_dir=tmp_path):
        (x_train, y_train), (x_test, y_test) = mnist.load_data()
    np.testing.assert_array_equal(x_train, parts["train"][0])
    np.testing.assert_array_equal(y_train, parts["train"][1])
    np.testing.assert_array_equal(x_test, parts["test"][0])
    np.testing.assert_array_equal(y_test, parts["test"][1])


def test_sample_is_used_where_a_file_is_missing(tmp_path):
    small_set(tmp_path)
    (tmp_path / mnist.LABELS["test"]).unlink()
    with flags(data_dir=tmp_path):
        assert mnist.find_directory() == mnist.SAMPLE
    with flags(data_dir=tmp_path / "nowhere"):
        assert mnist.find_directory() == mnist.SAMPLE


def with_header(*words, body=b""):
    return gzip.compress(struct.pack(f">{len(words)}I", *words) + body)


# What a file may hold instead of itself, from its bytes and what they unpack to.
SPOILT = {
    "truncated gzip": lambda data, body: data[:len(data) // 2],
    "no gzip": lambda data, body: body,
    "empty": lambda data, body: b"",
    "damaged gzip": lambda data, body: data[:400] + bytes([data[400] ^ 0xFF]) + data[401:],
    "short": lambda data, body: gzip.compress(body[:-1]),
    "long": lambda data, body: gzip.compress(body + b"x"),
    "half a header": lambda data, body: gzip.compress(body[:5]),
    "nothing inside": lambda data, body: gzip.compress(b""),
    "labels": lambda data, body: with_header(0x801, 0),
    "other type": lambda data, body: gzip.compress(b"\0\0\x0d\3" + body[4:]),
    "other size": lambda data, body: with_header(0x803, 50, 784, 1, body=bytes(50 * 784)),
    "other count": lambda data, body: with_header(0x803, 1, 28, 28, body=bytes(784)),
    "huge": lambda data, body: with_header(0x803, *[2**32 - 1] * 3),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_file_that_is_not_what_it_should_be_is_named(tmp_path, kind):
    small_set(tmp_path)
    path = tmp_path / mnist.IMAGES["train"]
    data = path.read_bytes()
    path.write_bytes(SPOILT[kind](data, gzip.decompress(data)))
    with flags(data_dir=tmp_path), pytest.raises(ValueError, match=str(tmp_path)):
        mnist.load_data()


def test_labels_above_nine_are_refused(tmp_path):
    small_set(tmp_path)
    idx.write(tmp_path / mnist.LABELS["test"], np.full(20, 10, np.uint8))
    with flags(data_dir=tmp_path), pytest.raises(ValueError, match="test files are not MNIST"):
        mnist.load_data()


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(with_header(0x801, 4, body=bytes(50_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="expected 4 bytes .* found more"):
            idx.read(path, rank=1)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5), (2, 0, 4), (2, 3, 4)])
def test_idx_round_trip(tmp_path, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    idx.write(tmp_path / "a.gz", array)
    np.testing.assert_array_equal(idx.read(tmp_path / "a.gz", len(shape)), array)


def test_the_script_makes_the_same_files_every_time(tmp_path, monkeypatch):
    from fncompile.datasets import make_mnist_sample

    monkeypatch.setattr(make_mnist_sample, "SIZES", {"train": 20, "test": 10})
    small_set(tmp_path / "full")
    for name in ("a", "b"):
        make_sample(tmp_path / "full", tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted([*mnist.IMAGES.values(), *mnist.LABELS.values()])
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    shutil.rmtree(tmp_path / "full")
    assert len(mnist.read_part(tmp_path / "a", "train")[1]) == 20


def test_stratified_takes_each_position_once():
    labels = np.repeat([0, 1, 2], [10, 20, 31])
    chosen = stratified(labels, 30, seed=1)
    assert len(set(chosen.tolist())) == 30 and (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(np.bincount(labels[chosen]), [5, 10, 15])
