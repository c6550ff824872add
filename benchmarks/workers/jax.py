"""JAX: `jit`, weights and Adam's moments donated to the step; "scan" makes many steps a call."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np
from jax import numpy as jnp

from benchmarks import networks
from benchmarks.cases import Case, stretch
from benchmarks.workers import BETA1, BETA2, CHECK_STEPS, EPSILON, TIMED_RATE, Run


def forward(network: networks.Network, weights, inputs):
    def dense(x, layer, relu):
        kernel, bias = weights[layer]
        y = x @ kernel + bias
        return jax.nn.relu(y) if relu else y

    return networks.evaluate(network, inputs, dense, lambda ab: ab[0] + ab[1],
                             lambda parts: jnp.concatenate(parts, 1))


def loss(network: networks.Network, dtype, weights, inputs, targets):
    """In float32, the products in `dtype`."""
    weights, inputs = jax.tree.map(lambda a: a.astype(dtype), (weights, inputs))
    outputs = [y.astype(jnp.float32) for y in forward(network, weights, inputs)]
    if network.loss == "mse":
        return sum(jnp.mean((y - t) ** 2) for y, t in zip(outputs, targets))
    logits = jax.nn.log_softmax(outputs[0])
    return -jnp.mean(jnp.take_along_axis(logits, targets[0][:, None], 1))


def adam(network, dtype, state, rate, inputs, targets):
    """One step; state is (weights, first moments, second moments, count)."""
    weights, first, second, count = state
    value, gradient = jax.value_and_grad(partial(loss, network, dtype))(weights, inputs, targets)
    count = count + 1
    scale = rate * jnp.sqrt(1 - BETA2**count) / (1 - BETA1**count)
    first = jax.tree.map(lambda m, g: m + (g - m) * (1 - BETA1), first, gradient)
    second = jax.tree.map(lambda v, g: v + (g * g - v) * (1 - BETA2), second, gradient)
    weights = jax.tree.map(lambda w, m, v: w - scale * m / (jnp.sqrt(v) + EPSILON),
                           weights, first, second)
    return (weights, first, second, count), value


def fresh(network: networks.Network):
    weights = jax.tree.map(jnp.asarray, networks.weights(network))
    zeros = (jax.tree.map(jnp.zeros_like, weights) for _ in range(2))
    return (weights, *zeros, jnp.zeros((), jnp.float32))


@partial(jax.jit, donate_argnums=0)
def digits_step(state, rows, images, labels):
    network = networks.NETWORKS["mlp784"]
    return adam(network, jnp.float32, state, 1e-3, [images[rows]], [labels[rows]])[0]


class Worker:
    def __init__(self, cores: int):
        pass  # XLA takes as many threads as the process has cores

    def versions(self) -> dict[str, str]:
        return {"jax": jax.__version__}

    def ways(self, case: Case) -> list[str]:
        return ["jit", "scan"] if case.kind == "train" and stretch(case) > 1 else ["jit"]

    def build(self, case: Case, way: str) -> Run:
        arrays = networks.data(case.spec(), case.batch)
        inputs, targets = jax.tree.map(jnp.asarray, arrays)
        many = stretch(case) if way == "scan" else 1
        make = _predict if case.kind == "predict" else partial(_train, many)
        return make(case.spec(), inputs, targets, jnp.dtype(case.dtype))

    def end_to_end(self, x: np.ndarray, y: np.ndarray, epochs: int, batch: int):
        """Data on the device once; a jitted step that gathers its rows."""
        network = networks.NETWORKS["mlp784"]
        images, labels, state = jnp.asarray(x), jnp.asarray(y), fresh(network)
        rng = np.random.default_rng(0)
        for _ in range(epochs):
            order = rng.permutation(len(x))
            for at in range(0, len(x), batch):
                state = digits_step(state, order[at : at + batch], images, labels)
        jax.block_until_ready(state)
        return lambda: float(loss(network, jnp.float32, state[0], [images], [labels]))


def _predict(network, inputs, _, dtype) -> Run:
    weights = jax.tree.map(lambda a: jnp.asarray(a, dtype), networks.weights(network))
    inputs = [x.astype(dtype) for x in inputs]
    function = jax.jit(partial(forward, network))
    return Run(lambda: jax.block_until_ready(function(weights, inputs)))


def _train(count: int, network, inputs, targets, dtype) -> Run:
    def several(state, rate, inputs, targets):
        state, values = jax.lax.scan(
            lambda state, _: adam(network, dtype, state, rate, inputs, targets), state,
            length=count)
        return state, values

    one = partial(adam, network, dtype)
    step = jax.jit(several if count > 1 else one, donate_argnums=0)
    state, rate = fresh(network), jnp.float32(TIMED_RATE)

    def call():
        nonlocal state
        state, value = step(state, rate, inputs, targets)
        return value

    def set_rate(value: float) -> None:
        nonlocal rate
        rate = jnp.float32(value)

    def several_losses():
        return np.concatenate([call() for _ in range(-(-CHECK_STEPS // count))])[:CHECK_STEPS]

    if count == 1:
        return Run(call, jax.block_until_ready, set_rate)
    return Run(call, jax.block_until_ready, set_rate, count, several_losses)
