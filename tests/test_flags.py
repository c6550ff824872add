"""The table of switches: where a value comes from, what is refused, what is printed."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import warnings

import pytest

import fncompile
from fncompile import config
from fncompile import flags as module
from fncompile.flags import TABLE, flag


def test_block_wins_over_environment_over_default(monkeypatch):
    assert flag("debug") == 0
    monkeypatch.setenv("FNC_DEBUG", "2")
    assert flag("debug") == 2
    with fncompile.flags(debug=3, keep=True):
        assert (flag("debug"), flag("keep")) == (3, True)
        with fncompile.flags(debug=1):
            assert (flag("debug"), flag("keep")) == (1, True)
        with fncompile.flags(debug=None):
            assert flag("debug") == 0
        assert flag("debug") == 3
    assert (flag("debug"), flag("keep")) == (2, False)


def test_block_ends_when_it_raises():
    with pytest.raises(KeyError), fncompile.flags(debug=3):
        raise KeyError
    assert flag("debug") == 0


def test_block_holds_for_its_thread_only():
    seen = []
    with fncompile.flags(debug=3):
        thread = threading.Thread(target=lambda: seen.append(flag("debug")))
        thread.start()
        thread.join()
    assert seen == [0]


@pytest.mark.parametrize(("name", "text", "value"), [
    ("keep", "1", True), ("keep", "on", True), ("keep", "False", False), ("keep", "", False),
    ("keep", True, True), ("keep", 0, False),
    ("seed", "42", 42), ("seed", "", None), ("seed", 0, 0), ("cache_mb", "0", 0),
    ("skip", "fuse, tile", ("fuse", "tile")), ("skip", ["fuse"], ("fuse",)), ("skip", "", ()),
    ("san", "address,undefined", ("address", "undefined")),
    ("target", "ref", "ref"), ("target", "", "native"), ("dump", "d:text", "d:text"),
    ("threads", "2", 2), ("verify", 2, 2),
])
def test_values(name, text, value, monkeypatch):
    with fncompile.flags(**{name: text}):
        assert flag(name) == value and type(flag(name)) is type(value)
    if isinstance(text, str):
        monkeypatch.setenv(f"FNC_{name.upper()}", text)
        assert flag(name) == value


@pytest.mark.parametrize(("name", "value"), [
    ("keep", "maybe"), ("keep", 2), ("debug", "6"), ("debug", -1), ("debug", 1.5), ("debug", "x"),
    ("threads", 0), ("cache_mb", -1), ("san", "address,memory"), ("target", "arm"), ("cc", 3),
    ("skip", 3), ("seed", "-1"),
])
def test_wrong_values_are_refused(name, value, monkeypatch):
    variable = f"FNC_{name.upper()}"
    with pytest.raises(ValueError, match=f"{variable} .* expects .*{re.escape(repr(value))}"), \
            fncompile.flags(**{name: value}):
        pass
    monkeypatch.setenv(variable, str(value))
    if isinstance(value, str):
        with pytest.raises(ValueError, match=variable):
            flag(name)


def test_a_wrong_value_changes_nothing():
    with pytest.raises(ValueError, match="FNC_THREADS"), fncompile.flags(debug=3, threads=0):
        pass
    assert flag("debug") == 0


def test_unknown_names_get_a_hint():
    with pytest.raises(ValueError, match="unknown switch 'debgu', did you mean 'debug'"):
        flag("debgu")
    with pytest.raises(ValueError, match="unknown switch 'nothing_like'; `python -m"), \
            fncompile.flags(nothing_like=1):
        pass


def test_unknown_variables_warn_once(monkeypatch):
    monkeypatch.setattr(module, "_environment_checked", False)
    monkeypatch.setenv("FNC_DEUBG", "1")
    with pytest.warns(UserWarning, match="FNC_DEUBG .* did you mean 'FNC_DEBUG'"):
        flag("debug")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flag("debug")


def test_every_row_is_sound(monkeypatch):
    for switch in TABLE:
        monkeypatch.delenv(switch.variable, raising=False)
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", switch.name)
        assert switch.doc and "\n" not in switch.doc
        assert flag(switch.name) == switch.default
        if switch.default is not None:
            assert switch.parse(switch.default) == switch.default
    assert len({switch.name for switch in TABLE}) == len(TABLE)


def test_the_table_is_printed_without_a_word_on_stderr():
    done = subprocess.run([sys.executable, "-m", "fncompile.flags"], text=True,
                          capture_output=True, check=True)
    assert done.stderr == ""
    for switch in TABLE:
        assert f"{switch.variable} " in done.stdout and switch.doc in done.stdout
    assert re.search(r"FNC_VERIFY += 1 .*\(changed\)", done.stdout), "as tests/conftest.py sets it"


def test_flags_is_module_and_callable_in_every_spelling():
    import fncompile.flags as spelled

    assert fncompile.flags is module is spelled
    with spelled(debug=1):
        assert module.flag("debug") == 1


# config.py is the other leaf

@pytest.fixture
def restored_config():
    before = config.floatx(), config.epsilon(), config.image_data_format()
    yield
    config.set_floatx(before[0])
    config.set_epsilon(before[1])
    config.set_image_data_format(before[2])


def test_config_defaults_are_those_of_keras():
    assert config.floatx() == "float32"
    assert config.epsilon() == 1e-7
    assert config.image_data_format() == "channels_last"


def test_config_is_set(restored_config):
    config.set_floatx("float64")
    config.set_epsilon(1)
    config.set_image_data_format("channels_first")
    assert config.floatx() == "float64"
    assert config.epsilon() == 1.0 and isinstance(config.epsilon(), float)
    assert config.image_data_format() == "channels_first"


@pytest.mark.parametrize("value", ["bfloat16", "int32", "", None, 32])
def test_config_refuses_other_floats(value, restored_config):
    with pytest.raises(ValueError, match=r"Unknown `floatx` value: .* Expected one of"):
        config.set_floatx(value)
    assert config.floatx() == "float32"


@pytest.mark.parametrize("value", [0, -1e-7, float("nan"), float("inf")])
def test_config_refuses_other_epsilons(value, restored_config):
    with pytest.raises(ValueError, match="`epsilon`"):
        config.set_epsilon(value)


def test_config_refuses_other_layouts(restored_config):
    with pytest.raises(ValueError, match="Unknown `image_data_format` value: 'nchw'"):
        config.set_image_data_format("nchw")
