"""Data sets from archives like Keras' own, made here: what is read, and against Keras itself."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile

import numpy as np
import pytest

from fncompile import datasets
from fncompile.datasets import stored

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """~/.keras/datasets, whose files need not have Keras' hashes."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("fncompile.utils.files._has_hash", lambda *a: True)
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, value in members.items():
            data = pickle.dumps(value, protocol=2)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def batch(rows, **labels):
    data = RNG.integers(0, 256, (rows, 3072)).astype("uint8")
    return {b"data": data, **{k.encode(): v for k, v in labels.items()}}


def test_cifar10(folder):
    parts = [batch(2, labels=[i, 9]) for i in range(6)]
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    archive(folder / "cifar-10-batches-py.tar.gz",
            {f"cifar-10-batches-py/{n}": p for n, p in zip(names, parts)})  # fmt: skip
    (x, y), (xt, yt) = datasets.cifar10.load_data()
    assert x.shape == (10, 32, 32, 3) and xt.shape == (2, 32, 32, 3) and x.dtype == "uint8"
    assert y.ravel().tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9] and yt.ravel().tolist() == [5, 9]
    pixel = parts[0][b"data"][0].reshape(3, 32, 32)[:, 3, 4]
    np.testing.assert_array_equal(x[0, 3, 4], pixel)


def test_cifar100(folder):
    part = batch(2, fine_labels=[3, 99], coarse_labels=[1, 19])
    members = {"cifar-100-python/train": part, "cifar-100-python/test": part}
    archive(folder / "cifar-100-python.tar.gz", members)
    assert datasets.cifar100.load_data()[0][1].tolist() == [[3], [99]]
    assert datasets.cifar100.load_data("coarse")[1][1].tolist() == [[1], [19]]
    with pytest.raises(ValueError, match="`label_mode` must be one of"):
        datasets.cifar100.load_data("rough")


def test_nothing_in_an_archive_is_run(folder):
    class Harm:
        def __reduce__(self):
            return print, ("harm",)

    archive(folder / "cifar-100-python.tar.gz", {"cifar-100-python/train": Harm()})
    with pytest.raises(pickle.UnpicklingError, match="print, which no data set needs"):
        datasets.cifar100.load_data()


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.tobytes())


def test_fashion_mnist(folder):
    x, y = RNG.integers(0, 256, (3, 28, 28)).astype("uint8"), np.array([1, 0, 9], "uint8")
    (folder / "fashion-mnist").mkdir()
    for part in ("train", "t10k"):
        (folder / f"fashion-mnist/{part}-images-idx3-ubyte.gz").write_bytes(idx(x))
        (folder / f"fashion-mnist/{part}-labels-idx1-ubyte.gz").write_bytes(idx(y))
    for found in datasets.fashion_mnist.load_data():
        np.testing.assert_array_equal(found[0], x)
        np.testing.assert_array_equal(found[1], y)


@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
def test_houses(folder, name):
    x = np.arange(20.0).reshape(10, 2)
    np.savez(folder / f"{name}.npz", x=x, y=x[:, 0])
    (a, b), (c, d) = getattr(datasets, name).load_data()
    order = np.arange(10)
    np.random.RandomState(113).shuffle(order)
    np.testing.assert_array_equal(np.concatenate([a, c]), x[order])
    np.testing.assert_array_equal(a[:, 0], b)
    assert len(c) == len(d) == 2


def lists(rows):
    out = np.empty(rows, object)
    out[:] = [RNG.integers(1, 9, RNG.integers(2, 7)).tolist() for _ in range(rows)]
    return out


def test_words_are_as_keras_gives_them(folder):
    """Keras' rules, step by step, on the same lists."""
    words, topics = lists(8), np.arange(8)
    np.savez(folder / "reuters.npz", x=words, y=topics)
    (a, ya), (b, yb) = datasets.reuters.load_data(num_words=8, skip_top=4, test_split=0.25)
    order = np.arange(8)
    np.random.RandomState(113).shuffle(order)
    expected = [[w if 4 <= w < 8 else 2 for w in [1, *(n + 3 for n in words[i])]] for i in order]
    assert [*a, *b] == expected and [*ya, *yb] == order.tolist() and len(b) == 2
    np.savez(folder / "imdb.npz", x_train=words, y_train=topics, x_test=words, y_test=topics)
    (a, ya), (b, yb) = datasets.imdb.load_data(
        start_char=None, oov_char=None, index_from=0, maxlen=5, num_words=6
    )
    assert sorted(ya) == sorted(yb) == [i for i in range(8) if len(words[i]) < 5]
    assert list(a[0]) == [w for w in words[ya[0]] if w < 6]
    with pytest.raises(ValueError, match="no sequence was kept"):
        datasets.imdb.load_data(maxlen=1)
    (folder / "imdb_word_index.json").write_text('{"the": 1}')
    assert datasets.imdb.get_word_index() == {"the": 1}


@pytest.mark.parametrize("name", [
    "boston_housing", "california_housing", "cifar10", "cifar100", "fashion_mnist", "imdb",
    "reuters",
])  # fmt: skip
def test_a_missing_archive_is_told_of(name, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="downloads nothing. Fetch https://"):
        getattr(datasets, name).load_data()


def test_objects_in_an_archive_are_lists_and_numbers(tmp_path):
    np.savez(tmp_path / "x.npz", x=lists(3), y=np.arange(3))
    found = stored.arrays_of(tmp_path / "x.npz")
    assert all(isinstance(row, list) for row in found["x"]) and found["y"].tolist() == [0, 1, 2]
