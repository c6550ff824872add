"""What holds the numbers of a variable."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, np.nan])
def test_a_variable_has_the_bits_that_it_was_given(value):
    """Zeros are not written, where that needs no memory, but only those of which each bit is 0."""
    given = np.array([value, 0.0, -0.0], "float32")
    variable = fncompile.Variable(given)
    assert variable.numpy().tobytes() == given.tobytes()
    given[:] = 7
    assert not (variable.numpy() == 7).any()


@pytest.mark.parametrize("before", [0.0, -0.0, 5.0])
@pytest.mark.parametrize("value", [0.0, -0.0, 3.0])
def test_a_variable_that_moves_brings_its_bits(before, value):
    storage = np.full(4, before, "float32")
    variable = fncompile.Variable(np.full(4, value, "float32"))
    variable.move_to(storage)
    assert storage.tobytes() == np.full(4, value, "float32").tobytes()
    variable.assign(np.ones(4))
    assert (storage == 1).all()


def test_a_variable_of_columns_is_a_copy_too():
    whole = np.zeros((4, 6), "float32")
    variable = fncompile.Variable(whole[:, ::2].T)
    whole[:] = 1
    assert not variable.numpy().any() and variable.shape == (3, 4)


def test_a_path_begins_with_the_scopes_around():
    """As in Keras, so that a map of optimizers or policies finds it; a path that is given stays."""
    with fncompile.name_scope("outer"), fncompile.name_scope("inner"):
        made = [fncompile.Variable([1.0], name="kernel"), fncompile.Variable([1.0], path="own")]
    assert [v.path for v in made] == ["outer/inner/kernel", "own"]
    assert made[0].name == "kernel" and fncompile.Variable([1.0], name="alone").path == "alone"
