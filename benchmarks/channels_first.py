"""The networks' weights and data as frameworks take them that have channels before pixels."""

from __future__ import annotations

import numpy as np

from benchmarks import networks
from benchmarks.description import OF_SEQUENCES, Layer, Network, Shape


def shape(network: Network, of: Shape) -> Shape:
    """Of a sample."""
    return of if network.of_sequences else (of[-1], *of[:-1])


def array(network: Network, x: np.ndarray) -> np.ndarray:
    """(batch, pixels, channels) as (batch, channels, pixels). Sequences stay as they are."""
    return x if network.of_sequences else np.ascontiguousarray(np.moveaxis(x, -1, 1))


def last(network: Network, outputs: list[np.ndarray]) -> list[np.ndarray]:
    """Outputs with their channels last again."""
    return outputs if network.of_sequences else [np.moveaxis(y, 1, -1) for y in outputs]


def weights(network: Network) -> dict[str, list[np.ndarray]]:
    """Kernels are (filters, inputs, taps), those of dense layers (units, inputs)."""
    flat = {node.name: node.inputs[0] for node in network.nodes if node.kind == "flatten"}
    behind = {node.layer: flat[node.inputs[0]] for node in network.nodes
              if node.kind == "dense" and node.inputs[0] in flat}
    shapes = network.shapes()
    return {name: [_kernel(network.layers[name], group[0], shapes.get(behind.get(name, ""))),
                   *group[1:]] for name, group in networks.weights(network).items()}


def by_heads(group: list[np.ndarray]) -> list[np.ndarray]:
    """An attention's weights as those of two products: projections side by side (width, 3 x units)
    and their biases; (units, width) and its bias."""
    *projections, kernel, bias = group
    return [np.concatenate([w.reshape(len(w), -1) for w in projections[::2]], 1),
            np.concatenate([b.ravel() for b in projections[1::2]]),
            kernel.reshape(-1, kernel.shape[-1]), bias]


def by_gates(layer: Layer, group: list[np.ndarray], order: str) -> list[np.ndarray]:
    """Recurrent weights of Keras (gates ifco or zrh) as (gates x units, inputs), and the biases of
    inputs and of states, with the gates in that order."""
    known, units = "zrh" if layer.kind == "gru" else "ifco", layer.shape[1]
    kernel, recurrent, bias = group
    both = np.stack([bias, np.zeros_like(bias)]) if bias.ndim == 1 else bias

    def turned(w: np.ndarray) -> np.ndarray:
        gates = w.reshape(len(w), len(known), units)[:, [known.index(g) for g in order]]
        return np.ascontiguousarray(gates.reshape(len(w), -1).T)

    return [turned(kernel), turned(recurrent), *turned(both).T]


def _kernel(layer: Layer, kernel: np.ndarray, flattened: Shape | None) -> np.ndarray:
    """`flattened`: the shape that a dense layer's inputs had."""
    if layer.kind in ("norm", "layer_norm") or layer.kind in OF_SEQUENCES:
        return kernel
    if layer.kind == "depthwise":
        kernel = np.moveaxis(kernel, (-2, -1), (0, 1))
    elif layer.kind == "conv":
        kernel = np.moveaxis(kernel, (-1, -2), (0, 1))
    elif flattened:
        pixels = kernel.reshape(*flattened, -1)
        kernel = np.moveaxis(pixels, -2, 0).reshape(kernel.shape).T
    else:
        kernel = kernel.T
    return np.ascontiguousarray(kernel)
