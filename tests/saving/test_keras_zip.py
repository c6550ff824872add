"""`.keras` archives that lie: refused with the file's name and what is wrong."""

from __future__ import annotations

import json
import random
import struct
import zipfile

import pytest

import fncompile as k
from fncompile.saving.errors import FileFormatError

from . import zoo


@pytest.fixture
def members(tmp_path):
    """The sound members of an archive, by name."""
    model, _ = zoo.digits(k)
    model.compile("adam", "mse")
    model.save(tmp_path / "sound.keras")
    with zipfile.ZipFile(tmp_path / "sound.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def refused(path, words):
    with pytest.raises(FileFormatError, match=f"{path.name}: .*{words}"):
        k.models.load_model(path)
    model, _ = zoo.digits(k)
    if "json" not in words and "JSON" not in words:
        with pytest.raises(FileFormatError, match=f"{path.name}: .*{words}"):
            model.load_weights(path)


def test_members_are_stored_and_nothing_else(tmp_path, members):
    with zipfile.ZipFile(tmp_path / "sound.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert all(m.compress_type == zipfile.ZIP_STORED for m in archive.infolist())
    assert json.loads(members["metadata.json"])["keras_version"] == "3.15.1"


def test_compressed_archives_and_unknown_members_are_read(tmp_path, members):
    path = write(tmp_path / "x.keras", {**members, "assets/words.txt": "a"}, zipfile.ZIP_DEFLATED)
    assert k.models.load_model(path).name == "mnist_model"


@pytest.mark.parametrize("missing", ["config.json", "model.weights.h5"])
def test_a_missing_member(tmp_path, members, missing):
    del members[missing]
    refused(write(tmp_path / "x.keras", members), f"no member '{missing}'")


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "a\\b"])
def test_paths_that_lead_elsewhere(tmp_path, members, name):
    refused(write(tmp_path / "x.keras", {**members, name: "x"}), "a member with the path")


def test_two_members_of_one_name(tmp_path, members):
    path = write(tmp_path / "x.keras", members)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", "{}")
    refused(path, "two of one name")


def test_too_many_members(tmp_path, members):
    many = {f"assets/{i}": "" for i in range(1001)}
    refused(write(tmp_path / "x.keras", {**members, **many}), "too many members")


def test_a_bomb(tmp_path, members):
    bomb = {**members, "model.weights.h5": bytes(50 << 20)}
    refused(write(tmp_path / "x.keras", bomb, zipfile.ZIP_DEFLATED), "impossibly large")


def test_a_size_that_lies(tmp_path, members):
    path = write(tmp_path / "x.keras", members)
    data = bytearray(path.read_bytes())
    entry = data.rfind(b"PK\1\2", 0, data.rfind(b"model.weights.h5"))
    struct.pack_into("<I", data, entry + 24, 1 << 30)
    path.write_bytes(data)
    refused(path, "impossibly large")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\3\4" + bytes(100), bytes(1000)])
def test_not_an_archive(tmp_path, content):
    path = tmp_path / "x.keras"
    path.write_bytes(content)
    refused(path, "not a `.keras` archive")


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', "{" * 50_000, "\xff"])
def test_a_configuration_that_is_no_object(tmp_path, members, text):
    refused(write(tmp_path / "x.keras", {**members, "config.json": text}), "JSON")


def test_damaged_weights_inside(tmp_path, members):
    weights = bytearray(members["model.weights.h5"])
    weights[-1] ^= 1
    broken = {**members, "model.weights.h5": bytes(weights)}
    refused(write(tmp_path / "x.keras", broken), "weights are damaged")


@pytest.mark.parametrize("change", [
    lambda c: c.update(class_name="Nonsense"),
    lambda c: c.update(module="os", class_name="system", registered_name=None),
    lambda c: c.pop("config"),
    lambda c: c["config"].update(layers=[]),
    lambda c: c["config"].update(layers=[1, 2]),
    lambda c: c["config"].update(layers=None),
    lambda c: c["config"].pop("input_layers"),
    lambda c: c["config"].update(output_layers=["nowhere", 0, 0]),
    lambda c: c["config"].update(output_layers=["dense", 10**9, 0]),
    lambda c: c["config"]["layers"][1]["config"].update(units=-1),
    lambda c: c["config"]["layers"][1]["config"].update(units="many"),
    lambda c: c["config"]["layers"][1]["config"].update(nonsense=1),
    lambda c: c["config"]["layers"][1].update(inbound_nodes=[{"args": 3, "kwargs": None}]),
    lambda c: c["config"]["layers"][1].update(class_name="Layer", config={}),
    lambda c: c["config"]["layers"][1]["config"].update(units=10**9),
    lambda c: c["config"]["layers"][2]["config"].update(units=10**18),
    lambda c: c.update(config={"units": 3}, class_name="Dense", module="keras.layers"),
    lambda c: c["compile_config"].update(optimizer=3),
    lambda c: c["compile_config"].update(loss="nonsense"),
])  # fmt: skip
def test_configurations_that_make_no_model(tmp_path, members, change):
    config = json.loads(members["config.json"])
    change(config)
    path = write(tmp_path / "x.keras", {**members, "config.json": json.dumps(config)})
    with pytest.raises((TypeError, ValueError), match=r"x\.keras"):
        k.models.load_model(path)


def test_mutated_archives_give_errors_or_models(tmp_path):
    """Any damage is a ValueError (FileFormatError is one), a TypeError, or does not matter."""
    x = k.Input((2,))
    model = k.Model(x, k.layers.Dense(1)(x))
    model.compile("sgd", "mse")
    model.save(tmp_path / "sound.keras")
    sound, rng = (tmp_path / "sound.keras").read_bytes(), random.Random(3)
    path = tmp_path / "x.keras"
    for _ in range(300):
        data = bytearray(sound)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.randrange(len(data))] if rng.randrange(8) == 0 else data)
        try:
            k.models.load_model(path)
        except (ValueError, TypeError) as error:
            assert str(error)
