"""Initializers: distributions, shapes, seeds, names, configurations."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fncompile as keras
from fncompile import initializers
from fncompile.initializers.random import compute_fans
from fncompile.initializers.windows import window_of

BIG = (300, 200)
ALL = [
    "Zeros", "Ones", "Constant", "Identity", "RandomNormal", "RandomUniform", "TruncatedNormal",
    "VarianceScaling", "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform",
    "LecunNormal", "Orthogonal",
]  # fmt: skip
RANDOM = ALL[4:]


@pytest.mark.parametrize("name, variance, limit", [
    ("GlorotUniform", 2 / 500, np.sqrt(6 / 500)),
    ("GlorotNormal", 2 / 500, 2 * np.sqrt(2 / 500) / 0.8796),
    ("HeUniform", 2 / 300, np.sqrt(6 / 300)), ("HeNormal", 2 / 300, 2 * np.sqrt(2 / 300) / 0.8796),
    ("LecunUniform", 1 / 300, np.sqrt(3 / 300)),
    ("LecunNormal", 1 / 300, 2 * np.sqrt(1 / 300) / 0.8796),
    ("RandomNormal", 0.05**2, np.inf), ("RandomUniform", 0.1**2 / 12, 0.05),
    ("TruncatedNormal", (0.05 * 0.8796) ** 2, 0.1),
    ("VarianceScaling", 1 / 300, 2 * np.sqrt(1 / 300) / 0.8796),
])  # fmt: skip
def test_mean_variance_and_limits(name, variance, limit):
    numbers = getattr(initializers, name)(seed=1)(BIG, dtype="float64")
    assert abs(numbers.mean()) < 4 * np.sqrt(variance / numbers.size)
    assert numbers.var() == pytest.approx(variance, rel=0.05)
    assert abs(numbers).max() <= limit * (1 + 1e-4)
    assert len(np.unique(numbers)) > 0.99 * numbers.size


def test_modes_and_distributions_of_variance_scaling():
    make = initializers.VarianceScaling
    assert make(3.0, "fan_out", "uniform", seed=1)(BIG).var() == pytest.approx(3 / 200, rel=0.05)
    normal = make(1.0, "fan_avg", "untruncated_normal", seed=1)(BIG)
    assert (
        normal.std() == pytest.approx(np.sqrt(1 / 250), rel=0.05)
        and abs(normal).max() > 3 * normal.std()
    )


@pytest.mark.parametrize(
    "shape, fans",
    [((), (1, 1)), ((7,), (7, 7)), ((3, 5), (3, 5)), ((3, 2, 4, 8), (24, 48)), ((0, 5), (0, 5))],
)
def test_fans(shape, fans):
    assert compute_fans(shape) == fans
    assert initializers.GlorotUniform()(shape).shape == shape


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 3, 4), (1, 1)])
def test_orthogonal(shape):
    q = initializers.Orthogonal(gain=2.0, seed=1)(shape, dtype="float64").reshape(-1, shape[-1]) / 2
    gram = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


def test_identity_constant_and_numbers():
    np.testing.assert_array_equal(initializers.Identity(3.0)((2, 3)), 3 * np.eye(2, 3))
    np.testing.assert_array_equal(initializers.Constant([1, 2])((3, 2)), [[1, 2]] * 3)
    numbers = np.arange(6.0).reshape(3, 2)
    config = json.loads(json.dumps(initializers.Constant(numbers).get_config()))
    np.testing.assert_array_equal(initializers.Constant.from_config(config)((3, 2)), numbers)
    assert initializers.get(np.arange(2.0))((2,)).tolist() == [0, 1]
    assert initializers.Zeros()((2,), dtype="int32").dtype == "int32"


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name):
    cls = getattr(initializers, name)
    seeded, same, other = cls(seed=7), cls(seed=7), cls(seed=8)
    np.testing.assert_array_equal(seeded((4, 4)), seeded((4, 4)))
    np.testing.assert_array_equal(seeded((4, 4)), same((4, 4)))
    assert not np.array_equal(seeded((4, 4)), other((4, 4)))
    assert not np.array_equal(cls()((4, 4)), cls()((4, 4)))


def test_unseeded_ones_follow_set_random_seed():
    def draw():
        keras.utils.set_random_seed(5)
        return initializers.GlorotUniform()((3, 3)), initializers.GlorotUniform()((3, 3))

    first, second = draw(), draw()
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(*first)


def test_two_layers_do_not_start_alike_under_the_seed_switch(monkeypatch):
    monkeypatch.setenv("FNC_SEED", "3")
    assert not np.array_equal(initializers.HeNormal()((3, 3)), initializers.HeNormal()((3, 3)))


def test_a_seed_generator_moves_on():
    fill = initializers.RandomUniform(seed=keras.random.SeedGenerator(3))
    assert not np.array_equal(fill((3,)), fill((3,)))


@pytest.mark.parametrize("name", ALL)
def test_names_and_configurations(name):
    cls = getattr(initializers, name)
    fill = cls(seed=4) if name in RANDOM else cls()
    described = json.loads(json.dumps(initializers.serialize(fill)))
    assert described["module"] == "keras.initializers" and described["class_name"] == name
    again = initializers.get(described)
    assert type(again) is cls and again.get_config() == fill.get_config()
    np.testing.assert_array_equal(again((3, 3)), fill((3, 3)))
    assert type(initializers.get(name)) is cls and type(initializers.get(cls)) is cls
    assert type(fill.clone()) is cls


def test_dtype_and_precision():
    assert initializers.HeNormal()((2,)).dtype == "float32"
    assert initializers.HeNormal()((2,), dtype="float64").dtype == "float64"


def test_configurations_of_other_versions():
    assert initializers.get(
        {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}}
    )
    newer = {"module": "keras.initializers", "class_name": "HeNormal", "registered_name": None,
             "config": {"seed": 1, "input_axes": None, "output_axes": None}}  # fmt: skip
    assert initializers.get(newer).seed == 1
    newer["config"].update(input_axes=[0, 1], output_axes=[2])
    again = initializers.get(newer)
    assert again.get_config() == newer["config"]
    spread = again((4, 5, 1000)).std()  # variance 2 / fan-in, of 20 here
    np.testing.assert_allclose(spread, np.sqrt(2 / 20), rtol=0.02)


@pytest.mark.parametrize("alias, name", [("uniform", "RandomUniform"), ("normal", "RandomNormal"),
                                         ("zero", "Zeros"),
                                         ("one", "Ones"), ("glorot_uniform", "GlorotUniform"),
                                         ("he_normal", "HeNormal")])  # fmt: skip
def test_aliases(alias, name):
    assert type(initializers.get(alias)).__name__ == name


@pytest.mark.parametrize("make, message", [
    (lambda: initializers.get("foo"), "Could not interpret initializer identifier: foo"),
    (lambda: initializers.get(3), "Could not interpret initializer identifier: 3"),
    (lambda: initializers.RandomNormal(seed="a"), "`seed` argument should be an instance"),
    (lambda: initializers.VarianceScaling(scale=0), "`scale` must be positive"),
    (lambda: initializers.VarianceScaling(mode="x"), "Invalid `mode` argument: x"),
    (lambda: initializers.VarianceScaling(distribution="x"), "Invalid `distribution` argument: x"),
    (lambda: initializers.Orthogonal()((3,)), "must be at least two-dimensional"),
    (lambda: initializers.Identity()((3,)), "can only be used for 2D matrices"),
])  # fmt: skip
def test_misuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_functions_are_initializers():
    layer = keras.layers.Dense(2, kernel_initializer=lambda shape, dtype=None: np.full(shape, 3.0))
    layer.build((None, 4))
    assert (layer.kernel.numpy() == 3).all()


@pytest.mark.parametrize("name", ["bartlett", "hann", "blackman", "boxcar"])
def test_a_window_of_one_number_is_one(name):
    """A triangle of length 1 was 0."""
    assert window_of(name, 1, False).tolist() == window_of(name, 1, True).tolist() == [1.0]
