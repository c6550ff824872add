"""JAX: `jit`, weights and Adam's moments donated to the step; "scan" makes many steps a call."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np
from jax import numpy as jnp

from benchmarks import networks
from benchmarks.cases import Case, stretch
from benchmarks.description import EPSILON as NORM_EPSILON
from benchmarks.description import MOMENTUM, Network, Node, paddings
from benchmarks.workers import BETA1, BETA2, CHECK_STEPS, EPSILON, TIMED_RATE, Run


def forward(network: Network, weights, statistics, inputs, training: bool = False):
    """The outputs, and in training new statistics of the normalisations."""
    changed = {}

    def activated(node: Node, y):
        return jax.nn.relu(y) if node.relu else y

    def dense(node: Node, x):
        kernel, bias = weights[node.layer]
        return activated(node, x @ kernel + bias)

    def convolution(node: Node, x):
        kernel, *bias = weights[node.layer]
        rank, groups = x.ndim - 2, x.shape[-1] if node.kind == "depthwise" else 1
        if groups > 1:
            kernel = jnp.swapaxes(kernel, -1, -2)
        y = jax.lax.conv_general_dilated(
            x, kernel, (node.stride,) * rank, paddings(node, kernel.shape[:rank], x.shape[1:]),
            rhs_dilation=(node.dilation,) * rank, feature_group_count=groups,
            dimension_numbers=("NHWC", "HWIO", "NHWC") if rank == 2 else ("NHC", "HIO", "NHC"))
        return activated(node, y + bias[0] if bias else y)

    def norm(node: Node, x):
        (gamma, beta), (mean, variance) = weights[node.layer], statistics[node.layer]
        if training:
            axes = tuple(range(x.ndim - 1))
            old, (mean, variance) = (mean, variance), (x.mean(axes), x.var(axes))
            changed[node.layer] = [o + (n - o) * (1 - MOMENTUM)
                                   for o, n in zip(old, (mean, variance))]
        scale = jax.lax.rsqrt(variance + NORM_EPSILON) * gamma
        return activated(node, (x - mean) * scale + beta)

    def max_pool(node: Node, x):
        along = [(1, n, n, 1) for n in (node.size, node.stride)]
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, *along, "VALID")

    def lstm(node: Node, x):
        kernel, recurrent, bias = weights[node.layer]

        def turn(carry, given):
            h, c = carry
            i, f, g, o = jnp.split(given + h @ recurrent, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zeros = jnp.zeros((len(x), len(recurrent)), x.dtype)
        given = jnp.swapaxes(x, 0, 1) @ kernel + bias
        return jax.lax.scan(turn, (zeros, zeros), given)[0][0]

    def lstm_step(node: Node, x, h, c):
        kernel, recurrent, bias = weights[node.layer]
        i, f, g, o = jnp.split(x @ kernel + h @ recurrent + bias, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jnp.concatenate([jax.nn.sigmoid(o) * jnp.tanh(c), c], -1)

    def gru(node: Node, x):
        kernel, recurrent, bias = weights[node.layer]

        def turn(h, given):
            (z, r, new), (hz, hr, hn) = (jnp.split(a, 3, -1)
                                         for a in (given, h @ recurrent + bias[1]))
            z, r = jax.nn.sigmoid(z + hz), jax.nn.sigmoid(r + hr)
            return z * h + (1 - z) * jnp.tanh(new + r * hn), None

        zeros = jnp.zeros((len(x), len(recurrent)), x.dtype)
        return jax.lax.scan(turn, zeros, jnp.swapaxes(x, 0, 1) @ kernel + bias[0])[0]

    def attention(node: Node, x):
        *projections, kernel, bias = weights[node.layer]
        q, k, v = (jnp.einsum("btd,dhe->bthe", x, w) + b
                   for w, b in zip(projections[::2], projections[1::2]))
        y = jax.nn.dot_product_attention(q, k, v, is_causal=node.padding == "causal")
        return jnp.einsum("bthe,hed->btd", y, kernel) + bias

    def layer_norm(node: Node, x):
        gamma, beta = weights[node.layer]
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + NORM_EPSILON) * gamma + beta

    functions = {
        "attention": attention, "layer_norm": layer_norm,
        "gelu": lambda node, x: jax.nn.gelu(x, approximate=False),
        "embedding": lambda node, rows: weights[node.layer][0][rows],
        "lstm": lstm, "gru": gru, "lstm_step": lstm_step,
        "half": lambda node, x: x[:, : x.shape[1] // 2],
        "dense": dense, "conv": convolution, "depthwise": convolution, "norm": norm,
        "add": lambda node, a, b: activated(node, a + b), "max_pool": max_pool,
        "concat": lambda node, *parts: jnp.concatenate(parts, -1),
        "mean": lambda node, x: x.mean((1, 2)), "flatten": lambda node, x: x.reshape(len(x), -1),
    }
    outputs = networks.evaluate(network, inputs, functions)
    return outputs, changed


def _cast(inputs, dtype):
    """Numbers of rows stay whole."""
    return [x if x.dtype == jnp.int32 else x.astype(dtype) for x in inputs]


def loss(network: Network, dtype, weights, statistics, inputs, targets):
    """In float32, the products in `dtype`; and the new statistics."""
    weights = jax.tree.map(lambda a: a.astype(dtype), weights)
    inputs = _cast(inputs, dtype)
    outputs, statistics = forward(network, weights, statistics, inputs, True)
    outputs = [y.astype(jnp.float32) for y in outputs]
    if network.loss == "mse":
        return sum(jnp.mean((y - t) ** 2) for y, t in zip(outputs, targets)), statistics
    logits = jax.nn.log_softmax(outputs[0])
    return -jnp.mean(jnp.take_along_axis(logits, targets[0][..., None], -1)), statistics


def adam(network, dtype, state, rate, inputs, targets):
    """One step; state is (weights, first moments, second moments, count, statistics)."""
    weights, first, second, count, statistics = state
    (value, statistics), gradient = jax.value_and_grad(partial(loss, network, dtype), has_aux=True)(
        weights, statistics, inputs, targets)
    count = count + 1
    scale = rate * jnp.sqrt(1 - BETA2**count) / (1 - BETA1**count)
    first = jax.tree.map(lambda m, g: m + (g - m) * (1 - BETA1), first, gradient)
    second = jax.tree.map(lambda v, g: v + (g * g - v) * (1 - BETA2), second, gradient)
    weights = jax.tree.map(lambda w, m, v: w - scale * m / (jnp.sqrt(v) + EPSILON),
                           weights, first, second)
    return (weights, first, second, count, statistics), value


def fresh(network: Network):
    weights, statistics = drawn(network)
    zeros = (jax.tree.map(jnp.zeros_like, weights) for _ in range(2))
    return (weights, *zeros, jnp.zeros((), jnp.float32), statistics)


def drawn(network: Network, dtype=jnp.float32):
    """The weights that are trained, and the statistics of normalisations."""
    arrays = jax.tree.map(lambda a: jnp.asarray(a, dtype), networks.weights(network))
    norms = {n for n, layer in network.layers.items() if layer.kind == "norm"}
    trained = {name: group[:2] if name in norms else group for name, group in arrays.items()}
    return trained, {name: arrays[name][2:] for name in norms}


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
        return lambda: float(loss(network, jnp.float32, state[0], {}, [images], [labels])[0])


def _predict(network, inputs, _, dtype) -> Run:
    weights, statistics = drawn(network, dtype)
    inputs = _cast(inputs, dtype)
    function = jax.jit(lambda *arrays: forward(network, *arrays)[0])
    return Run(lambda: jax.block_until_ready(function(weights, statistics, inputs)))


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
