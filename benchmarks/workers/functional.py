"""A network through the functional API that Keras and fncompile share."""

from __future__ import annotations

from benchmarks import networks
from benchmarks.workers import BETA1, BETA2, EPSILON, TIMED_RATE


def model_of(library, network: networks.Network):
    """The network as a functional model of `library`: keras, or fncompile, with the same names."""
    layers = library.layers
    inputs = [library.Input(shape=(n,), name=name) for name, n in network.inputs.items()]
    units = {name: n for name, (_, n) in network.layers.items()}
    dense = {(name, relu): layers.Dense(units[name], "relu" if relu else None, name=name)
             for name, relu in dict.fromkeys((n.layer, n.relu) for n in network.nodes if n.layer)}
    outputs = networks.evaluate(network, inputs, lambda x, layer, relu: dense[layer, relu](x),
                                layers.add, layers.concatenate)
    model = library.Model(inputs, outputs, name=network.name)
    weights = networks.weights(network)
    for (name, _), layer in dense.items():
        layer.set_weights(weights[name])
    return model


def compile_model(library, model, network: networks.Network, rate: float = TIMED_RATE) -> None:
    losses = library.losses
    loss = (losses.SparseCategoricalCrossentropy(from_logits=True)
            if network.loss == "crossentropy" else ["mse"] * len(network.outputs))
    model.compile(library.optimizers.Adam(rate, BETA1, BETA2, EPSILON), loss)
