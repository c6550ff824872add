"""The optimizers in plain NumPy, written from the papers' (and Keras') formulas: the oracle."""

from __future__ import annotations

import numpy as np


def sgd(w, grads, lr=0.01, momentum=0.0, nesterov=False):
    m = np.zeros_like(w)
    for g in grads:
        m = momentum * m - lr * g
        w = w + (momentum * m - lr * g if nesterov else m)
    return w


def rmsprop(w, grads, lr=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    v, mean, change = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for g in grads:
        v, mean = rho * v + (1 - rho) * g**2, rho * mean + (1 - rho) * g
        step = lr * g / np.sqrt(v - centered * mean**2 + epsilon)
        change = momentum * change + step
        w = w - change
    return w


def adam(w, grads, lr=0.001, b1=0.9, b2=0.999, epsilon=1e-7, amsgrad=False, decay=0.0):
    m, v, top = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(grads, 1):
        w = w - decay * lr * w
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        top = np.maximum(top, v)
        rate = lr * np.sqrt(1 - b2**t) / (1 - b1**t)
        w = w - rate * m / (np.sqrt(top if amsgrad else v) + epsilon)
    return w


def adamax(w, grads, lr=0.001, b1=0.9, b2=0.999, epsilon=1e-7):
    m, u = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(grads, 1):
        m, u = b1 * m + (1 - b1) * g, np.maximum(b2 * u, abs(g))
        w = w - lr * m / (1 - b1**t) / (u + epsilon)
    return w


def adagrad(w, grads, lr=0.001, start=0.1, epsilon=1e-7):
    a = np.full_like(w, start)
    for g in grads:
        a = a + g**2
        w = w - lr * g / np.sqrt(a + epsilon)
    return w


def adadelta(w, grads, lr=0.001, rho=0.95, epsilon=1e-7):
    a, d = np.zeros_like(w), np.zeros_like(w)
    for g in grads:
        a = rho * a + (1 - rho) * g**2
        delta = g * np.sqrt(d + epsilon) / np.sqrt(a + epsilon)
        d = rho * d + (1 - rho) * delta**2
        w = w - lr * delta
    return w


def lion(w, grads, lr=0.001, b1=0.9, b2=0.99):
    m = np.zeros_like(w)
    for g in grads:
        w = w - lr * np.sign(b1 * m + (1 - b1) * g)
        m = b2 * m + (1 - b2) * g
    return w


def adafactor(w, grads, lr, decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3, threshold=1.0):
    """Of a vector, as Keras 3.15 has it: the rate is bounded whatever `relative_step` says."""
    def rms(x):
        return np.sqrt(np.mean(x**2))

    v = np.zeros_like(w)
    for step, g in enumerate(grads, 1):
        keep = 1 - step**decay
        v = keep * v + (1 - keep) * (g**2 + epsilon_1)
        change = g / np.sqrt(v)
        change = change / max(1.0, rms(change) / threshold)
        w = w - max(epsilon_2, rms(w)) * min(lr, 1 / np.sqrt(step)) * change
    return w
