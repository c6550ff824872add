"""Schedules against NumPy in float64, on numbers and inside a trace."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fncompile.graph.variable import Variable
from fncompile.optimizers import schedules

STEPS = range(16)


def cosine(fraction):
    return 0.5 * (1 + math.cos(math.pi * min(fraction, 1)))


def polynomial_cycle(t):
    total = 7 * max(math.ceil(t / 7), 1)
    return 0.29 * (1 - t / total) + 0.01


def warmup(t):
    return 0.1 + 0.05 * t if t < 4 else 0.3 * (0.9 * cosine((t - 4) / 10) + 0.1)


def restarts(t):
    start, length, height = 0, 4, 1.0
    while t >= start + length:
        start, length, height = start + length, length * 2, height * 0.8
    return 0.1 * (0.9 * height * cosine((t - start) / length) + 0.1)


CASES = [
    (schedules.ExponentialDecay(0.3, 5, 0.5), lambda t: 0.3 * 0.5 ** (t / 5)),
    (schedules.ExponentialDecay(0.3, 5, 0.5, staircase=True), lambda t: 0.3 * 0.5 ** (t // 5)),
    (schedules.InverseTimeDecay(0.3, 4, 0.6), lambda t: 0.3 / (1 + 0.6 * t / 4)),
    (schedules.InverseTimeDecay(0.3, 4, 0.6, staircase=True), lambda t: 0.3 / (1 + 0.6 * (t // 4))),
    (schedules.PiecewiseConstantDecay([3, 11], [0.1, 0.2, 0.3]),
     lambda t: 0.1 if t <= 3 else 0.2 if t <= 11 else 0.3),
    (schedules.PiecewiseConstantDecay([], [0.1]), lambda t: 0.1),
    (schedules.PolynomialDecay(0.3, 7, 0.01, power=2.0),
     lambda t: 0.29 * (1 - min(t, 7) / 7) ** 2 + 0.01),
    (schedules.PolynomialDecay(0.3, 7, 0.01, cycle=True), polynomial_cycle),
    (schedules.CosineDecay(0.1, 10, 0.1), lambda t: 0.1 * (0.9 * cosine(t / 10) + 0.1)),
    (schedules.CosineDecay(0.1, 10, 0.1, warmup_target=0.3, warmup_steps=4), warmup),
    (schedules.CosineDecayRestarts(0.1, 4, t_mul=2.0, m_mul=0.8, alpha=0.1), restarts),
    (schedules.CosineDecayRestarts(0.1, 4, t_mul=1.0, m_mul=0.5),
     lambda t: 0.1 * 0.5 ** (t // 4) * cosine(t % 4 / 4)),
]  # fmt: skip


@pytest.mark.parametrize("schedule, formula", CASES)
def test_formula(schedule, formula):
    rates = [float(schedule(t)) for t in STEPS]
    np.testing.assert_allclose(rates, [formula(t) for t in STEPS], rtol=2e-5, atol=1e-7)
    iteration = Variable(np.int32(6))
    assert float(schedule(iteration)) == pytest.approx(formula(6), rel=2e-5)


@pytest.mark.parametrize("t_mul", [1.1, 1.3, 1.5, 2.0, 3.0])
def test_restarts_come_on_time_in_float32(t_mul):
    schedule = schedules.CosineDecayRestarts(1.0, 10, t_mul=t_mul)
    start = 0.0
    for i in range(8):
        if abs(start - round(start)) < 1e-9:
            assert float(schedule(round(start))) == pytest.approx(1.0, abs=1e-3), (t_mul, i)
        start += 10 * t_mul**i


@pytest.mark.parametrize("schedule, formula", CASES)
def test_configuration_comes_back(schedule, formula):
    described = schedules.serialize(schedule)
    assert described["module"] == "keras.optimizers.schedules"
    again = schedules.deserialize(described)
    assert type(again) is type(schedule) and again.get_config() == schedule.get_config()


@pytest.mark.parametrize("make, message", [
    (lambda: schedules.PiecewiseConstantDecay([1], [0.1]), "length of boundaries should be 1 less"),
    (lambda: schedules.CosineDecay(0.1, 0), "`decay_steps` must be > 0"),
    (lambda: schedules.CosineDecayRestarts(0.1, 0), "`first_decay_steps` must be > 0"),
    (lambda: schedules.ExponentialDecay(0.1, -1, 0.5), "`decay_steps` must be > 0"),
])  # fmt: skip
def test_misuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_users_schedule_without_its_methods():
    with pytest.raises(NotImplementedError, match="__call__"):
        schedules.LearningRateSchedule()(1)
    with pytest.raises(NotImplementedError, match="get_config"):
        schedules.LearningRateSchedule().get_config()
