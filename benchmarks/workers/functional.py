"""A network through the functional API that Keras and fncompile share."""

from __future__ import annotations

from benchmarks import networks
from benchmarks.description import EPSILON as NORM_EPSILON
from benchmarks.description import MOMENTUM, Layer, Network, Node
from benchmarks.workers import BETA1, BETA2, EPSILON, TIMED_RATE


def model_of(library, network: Network):
    """The network as a functional model of `library`: keras, or fncompile, with the same names."""
    layers = library.layers
    numbers = network.numbers()
    inputs = [library.Input(shape=n, name=name, dtype="int32" if name in numbers else "float32")
              for name, n in network.inputs.items()]
    made: dict = {}

    def weighed(node: Node, x):
        """The layer that the node names, called on x; `relu` follows a norm, else it is its own."""
        key = node.layer, node.relu
        if key not in made:
            made[key] = WEIGHED[node.kind](library, network.layers[node.layer], node)
        y = made[key](x, **given(node, x))
        return layers.ReLU()(y) if node.relu and node.kind == "norm" else y

    def given(node: Node, x) -> dict:
        attends = node.kind == "attention"
        return {"value": x, "use_causal_mask": node.padding == "causal"} if attends else {}

    def lstm_step(node: Node, x, h, c):
        layer = layers.LSTM(network.layers[node.layer].shape[1], return_state=True, name=node.layer)
        made[node.layer, False] = layer
        given = layers.Reshape((1, x.shape[1]))(x)
        return layers.concatenate(layer(given, initial_state=[h, c])[1:])

    def add(node: Node, *parts):
        y = layers.add(parts)
        return layers.ReLU()(y) if node.relu else y

    functions = {
        **dict.fromkeys(WEIGHED, weighed), "add": add,
        "concat": lambda node, *parts: layers.concatenate(parts),
        "max_pool": lambda node, x: layers.MaxPooling2D(node.size, node.stride)(x),
        "mean": lambda node, x: layers.GlobalAveragePooling2D()(x),
        "flatten": lambda node, x: layers.Flatten()(x),
        "gelu": lambda node, x: layers.Activation("gelu")(x),
        "lstm_step": lstm_step, "half": lambda node, x: x[:, : x.shape[1] // 2],
    }
    outputs = networks.evaluate(network, inputs, functions)
    model = library.Model(inputs, outputs, name=network.name)
    weights = networks.weights(network)
    for (name, _), layer in made.items():
        layer.set_weights(weights[name])
    return model


def _dense(library, layer: Layer, node: Node):
    return library.layers.Dense(layer.shape[1], _activation(node), name=node.layer)


def _convolution(library, layer: Layer, node: Node):
    depthwise, rank = node.kind == "depthwise", len(layer.shape) - 2
    make = getattr(library.layers, f"{'DepthwiseConv' if depthwise else 'Conv'}{rank}D")
    filters = [] if depthwise else [layer.shape[-1]]
    return make(*filters, layer.shape[:-2], strides=node.stride, dilation_rate=node.dilation,
                padding=node.padding, activation=_activation(node), use_bias=layer.bias,
                name=node.layer)


def _norm(library, layer: Layer, node: Node):
    return library.layers.BatchNormalization(momentum=MOMENTUM, epsilon=NORM_EPSILON,
                                             name=node.layer)


def _recurrent(library, layer: Layer, node: Node):
    make = library.layers.LSTM if layer.kind == "lstm" else library.layers.GRU
    return make(layer.shape[1], name=node.layer)


def _attention(library, layer: Layer, node: Node):
    return library.layers.MultiHeadAttention(*layer.shape[1:], name=node.layer)


def _layer_norm(library, layer: Layer, node: Node):
    return library.layers.LayerNormalization(epsilon=NORM_EPSILON, name=node.layer)


def _embedding(library, layer: Layer, node: Node):
    return library.layers.Embedding(*layer.shape, name=node.layer)


def _activation(node: Node) -> str | None:
    return "relu" if node.relu else None


WEIGHED = {"dense": _dense, "conv": _convolution, "depthwise": _convolution, "norm": _norm,
           "lstm": _recurrent, "gru": _recurrent, "attention": _attention,
           "layer_norm": _layer_norm, "embedding": _embedding}


def compile_model(library, model, network: Network, rate: float = TIMED_RATE) -> None:
    losses = library.losses
    loss = (losses.SparseCategoricalCrossentropy(from_logits=True)
            if network.loss == "crossentropy" else ["mse"] * len(network.outputs))
    model.compile(library.optimizers.Adam(rate, BETA1, BETA2, EPSILON), loss)
