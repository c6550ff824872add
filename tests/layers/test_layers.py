"""Every layer through the harness: one line a case.

A line is: name of the case, class, arguments, input shape(s), output shape, and what else
`run_layer_test` takes. Formulas are NumPy's, written from the layer's definition.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.keras_reference.target import NAME, keras
from tests.layers.harness import run_layer_test
from tests.layers.rows import chance, convolving, normalizing, recurrent, spatial, tables

erf = np.vectorize(math.erf)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


def normal(x, axis, epsilon=1e-3):
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + epsilon)


def moved(x, gamma, beta, mean, variance):
    return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta


def cosine(x):
    a, b = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in x)
    return (a * b).sum(-1, keepdims=True)


masks, no_masks = dict(supports_masking=True), dict(supports_masking=False)
ints = dict(input_dtype="int32")

CASES = [
    (
        "dense",
        "Dense",
        dict(units=4),
        (5,),
        (4,),
        dict(trainable=2, formula=lambda x, k, b: x @ k + b, **masks),
    ),
    (
        "dense_relu",
        "Dense",
        dict(units=4, activation="relu"),
        (5,),
        (4,),
        dict(trainable=2, formula=lambda x, k, b: np.maximum(x @ k + b, 0)),
    ),
    (
        "dense_no_bias",
        "Dense",
        dict(units=1, use_bias=False),
        (5,),
        (1,),
        dict(trainable=1, formula=lambda x, k: x @ k),
    ),
    (
        "dense_rank_3",
        "Dense",
        dict(units=4, kernel_initializer="he_normal", bias_initializer="ones"),
        (2, 5),
        (2, 4),
        dict(trainable=2, formula=lambda x, k, b: x @ k + b),
    ),
    (
        "dense_rank_4",
        "Dense",
        dict(units=2, activation="softmax"),
        (2, 1, 3),
        (2, 1, 2),
        dict(trainable=2, formula=lambda x, k, b: softmax(x @ k + b)),
    ),
    (
        "dense_regularized",
        "Dense",
        dict(units=4, kernel_regularizer="l1", bias_regularizer="l2"),
        (5,),
        (4,),
        dict(trainable=2, losses=2),
    ),
    (
        "dense_activity",
        "Dense",
        dict(units=4, activity_regularizer="l2"),
        (5,),
        (4,),
        dict(trainable=2, losses=1),
    ),
    ("dense_of_one", "Dense", dict(units=1), (1,), (1,), dict(trainable=2)),
    (
        "dense_wide",
        "Dense",
        dict(units=33),
        (17,),
        (33,),
        dict(trainable=2, formula=lambda x, k, b: x @ k + b),
    ),
    (
        "einsum_dense",
        "EinsumDense",
        dict(equation="abc,cd->abd", output_shape=(None, 3), bias_axes="d"),
        (2, 5),
        (2, 3),
        dict(trainable=2, formula=lambda x, k, b: x @ k + b),
    ),
    (
        "attention",
        "Attention",
        dict(use_scale=True),
        [(4, 3), (5, 3)],
        (4, 3),
        dict(trainable=1, **masks),
    ),
    (
        "attention_concat",
        "Attention",
        dict(use_scale=True, score_mode="concat"),
        [(4, 3), (5, 3), (5, 3)],
        (4, 3),
        dict(trainable=2),
    ),
    ("additive_attention", "AdditiveAttention", {}, [(4, 3), (5, 3)], (4, 3), dict(trainable=1)),
    (
        "embedding",
        "Embedding",
        dict(input_dim=4, output_dim=3),
        (5,),
        (5, 3),
        dict(trainable=1, formula=lambda x, w: w[x], **ints, **no_masks),
    ),
    (
        "embedding_int64",
        "Embedding",
        dict(input_dim=4, output_dim=3),
        (),
        (3,),
        dict(trainable=1, formula=lambda x, w: w[x], input_dtype="int64"),
    ),
    (
        "embedding_masking",
        "Embedding",
        dict(input_dim=4, output_dim=3, mask_zero=True),
        (5,),
        (5, 3),
        dict(trainable=1, formula=lambda x, w: w[x], **ints, **masks),
    ),
    (
        "embedding_regularized",
        "Embedding",
        dict(
            input_dim=4, output_dim=3, embeddings_regularizer="l2", embeddings_initializer="normal"
        ),
        (2, 2),
        (2, 2, 3),
        dict(trainable=1, losses=1, **ints),
    ),
    (
        "activation",
        "Activation",
        dict(activation="tanh"),
        (5,),
        (5,),
        dict(formula=np.tanh, **masks),
    ),
    (
        "activation_gelu",
        "Activation",
        dict(activation="gelu"),
        (5,),
        (5,),
        dict(formula=lambda x: x * (1 + erf(x / 2**0.5)) / 2),
    ),
    (
        "activation_elu",
        "Activation",
        dict(activation="elu"),
        (5,),
        (5,),
        dict(formula=lambda x: np.where(x > 0, x, np.expm1(x))),
    ),
    (
        "activation_selu",
        "Activation",
        dict(activation="selu"),
        (5,),
        (5,),
        dict(
            formula=lambda x: (
                1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))
            )
        ),
    ),
    (
        "activation_swish",
        "Activation",
        dict(activation="swish"),
        (5,),
        (5,),
        dict(formula=lambda x: x * sigmoid(x)),
    ),
    (
        "activation_sigmoid",
        "Activation",
        dict(activation="sigmoid"),
        (5,),
        (5,),
        dict(formula=sigmoid),
    ),
    (
        "activation_softplus",
        "Activation",
        dict(activation="softplus"),
        (5,),
        (5,),
        dict(formula=lambda x: np.log1p(np.exp(x))),
    ),
    (
        "activation_softsign",
        "Activation",
        dict(activation="softsign"),
        (5,),
        (5,),
        dict(formula=lambda x: x / (1 + abs(x))),
    ),
    (
        "activation_hard_sigmoid",
        "Activation",
        dict(activation="hard_sigmoid"),
        (5,),
        (5,),
        dict(formula=lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ),
    (
        "activation_exponential",
        "Activation",
        dict(activation="exponential"),
        (5,),
        (5,),
        dict(formula=np.exp),
    ),
    ("activation_none", "Activation", dict(activation=None), (5,), (5,), dict(formula=lambda x: x)),
    ("relu", "ReLU", {}, (5,), (5,), dict(formula=lambda x: np.maximum(x, 0), **masks)),
    (
        "relu_all",
        "ReLU",
        dict(max_value=0.9, negative_slope=0.2, threshold=0.1),
        (5,),
        (5,),
        dict(formula=lambda x: np.where(x < 0.1, 0.2 * (x - 0.1), np.minimum(x, 0.9))),
    ),
    (
        "leaky_relu",
        "LeakyReLU",
        {},
        (5,),
        (5,),
        dict(formula=lambda x: np.where(x > 0, x, 0.3 * x), **masks),
    ),
    (
        "leaky_relu_slope",
        "LeakyReLU",
        dict(negative_slope=0.01),
        (2, 3),
        (2, 3),
        dict(formula=lambda x: np.where(x > 0, x, 0.01 * x)),
    ),
    (
        "prelu",
        "PReLU",
        dict(alpha_initializer="ones"),
        (2, 3),
        (2, 3),
        dict(trainable=1, formula=lambda x, a: np.where(x > 0, x, a * x), **masks),
    ),
    (
        "prelu_shared",
        "PReLU",
        dict(shared_axes=[1], alpha_initializer="random_uniform"),
        (2, 3),
        (2, 3),
        dict(trainable=1, formula=lambda x, a: np.where(x > 0, x, a * x)),
    ),
    (
        "elu",
        "ELU",
        dict(alpha=0.6),
        (5,),
        (5,),
        dict(formula=lambda x: np.where(x > 0, x, 0.6 * np.expm1(x)), **masks),
    ),
    ("softmax", "Softmax", {}, (5,), (5,), dict(formula=softmax, **masks)),
    (
        "softmax_axis",
        "Softmax",
        dict(axis=1),
        (4, 3),
        (4, 3),
        dict(formula=lambda x: softmax(x, 1)),
    ),
    (
        "dropout_inference",
        "Dropout",
        dict(rate=0.5),
        (5,),
        (5,),
        dict(formula=lambda x: x, stochastic=True, **masks),
    ),
    ("dropout_of_zero", "Dropout", dict(rate=0.0), (5,), (5,), dict(formula=lambda x: x)),
    (
        "dropout_noise_shape",
        "Dropout",
        dict(rate=0.3, noise_shape=(None, 1, 4), seed=3),
        (2, 4),
        (2, 4),
        dict(formula=lambda x: x, stochastic=True),
    ),
    (
        "batchnorm",
        "BatchNormalization",
        {},
        (4,),
        (4,),
        dict(trainable=2, non_trainable=2, formula=moved, **masks),
    ),
    (
        "batchnorm_axis_1",
        "BatchNormalization",
        dict(axis=1, momentum=0.5),
        (2, 4),
        (2, 4),
        dict(trainable=2, non_trainable=2),
    ),
    (
        "batchnorm_plain",
        "BatchNormalization",
        dict(center=False, scale=False, epsilon=0.01),
        (3, 2),
        (3, 2),
        dict(non_trainable=2),
    ),
    (
        "batchnorm_no_scale",
        "BatchNormalization",
        dict(scale=False, beta_initializer="ones", moving_mean_initializer="ones"),
        (2,),
        (2,),
        dict(trainable=1, non_trainable=2),
    ),
    (
        "layernorm",
        "LayerNormalization",
        {},
        (5,),
        (5,),
        dict(trainable=2, formula=lambda x, g, b: normal(x, -1) * g + b, **masks),
    ),
    (
        "layernorm_axes",
        "LayerNormalization",
        dict(axis=(1, 2), epsilon=1e-5),
        (2, 4),
        (2, 4),
        dict(trainable=2, formula=lambda x, g, b: normal(x, (1, 2), 1e-5) * g + b),
    ),
    (
        "layernorm_axis_1",
        "LayerNormalization",
        dict(axis=1),
        (4, 2),
        (4, 2),
        dict(trainable=2, formula=lambda x, g, b: normal(x, 1) * g[:, None] + b[:, None]),
    ),
    (
        "layernorm_plain",
        "LayerNormalization",
        dict(center=False, scale=False),
        (5,),
        (5,),
        dict(formula=lambda x: normal(x, -1)),
    ),
    (
        "flatten",
        "Flatten",
        {},
        (2, 3, 2),
        (12,),
        dict(formula=lambda x: x.reshape(3, 12), **no_masks),
    ),
    ("flatten_rank_2", "Flatten", {}, (4,), (4,), dict(formula=lambda x: x)),
    (
        "flatten_scalar",
        "Flatten",
        {},
        (),
        (1,),
        dict(formula=lambda x: x[:, None], **ints, output_dtype="int32", train=False),
    ),
    (
        "flatten_channels_first",
        "Flatten",
        dict(data_format="channels_first"),
        (2, 3, 2),
        (12,),
        dict(formula=lambda x: x.transpose(0, 2, 3, 1).reshape(3, 12)),
    ),
    (
        "reshape",
        "Reshape",
        dict(target_shape=(3, 2)),
        (6,),
        (3, 2),
        dict(formula=lambda x: x.reshape(3, 3, 2), **no_masks),
    ),
    (
        "reshape_infer",
        "Reshape",
        dict(target_shape=(-1, 4)),
        (2, 6),
        (3, 4),
        dict(formula=lambda x: x.reshape(3, 3, 4)),
    ),
    (
        "reshape_ints",
        "Reshape",
        dict(target_shape=(2, 3)),
        (6,),
        (2, 3),
        dict(formula=lambda x: x.reshape(3, 2, 3), output_dtype="int32", **ints),
    ),
    (
        "permute",
        "Permute",
        dict(dims=(2, 1)),
        (2, 3),
        (3, 2),
        dict(formula=lambda x: x.transpose(0, 2, 1), **no_masks),
    ),
    (
        "permute_3",
        "Permute",
        dict(dims=(3, 1, 2)),
        (2, 3, 4),
        (4, 2, 3),
        dict(formula=lambda x: x.transpose(0, 3, 1, 2)),
    ),
    (
        "repeat_vector",
        "RepeatVector",
        dict(n=3),
        (4,),
        (3, 4),
        dict(formula=lambda x: np.repeat(x[:, None], 3, 1), **no_masks),
    ),
    (
        "rescaling",
        "Rescaling",
        dict(scale=0.5, offset=1.0),
        (3, 2),
        (3, 2),
        dict(formula=lambda x: x * 0.5 + 1),
    ),
    (
        "rescaling_ints",
        "Rescaling",
        dict(scale=1 / 255),
        (3,),
        (3,),
        dict(formula=lambda x: x / 255, high=256, **ints),
    ),
    (
        "rescaling_channels",
        "Rescaling",
        dict(scale=[1.0, 2.0], offset=[0.0, -1.0]),
        (3, 2),
        (3, 2),
        dict(formula=lambda x: x * [1, 2] + [0, -1]),
    ),
    ("identity", "Identity", {}, (2, 3), (2, 3), dict(formula=lambda x: x, **masks)),
    (
        "add",
        "Add",
        {},
        [(4,), (4,), (4,)],
        (4,),
        dict(formula=lambda x: x[0] + x[1] + x[2], **masks),
    ),
    ("add_broadcast", "Add", {}, [(2, 4), (1, 4)], (2, 4), dict(formula=lambda x: x[0] + x[1])),
    ("add_ranks", "Add", {}, [(4,), (2, 4)], (2, 4), dict(formula=lambda x: x[0][:, None] + x[1])),
    ("subtract", "Subtract", {}, [(4,), (4,)], (4,), dict(formula=lambda x: x[0] - x[1], **masks)),
    (
        "multiply",
        "Multiply",
        {},
        [(2, 3), (2, 3)],
        (2, 3),
        dict(formula=lambda x: x[0] * x[1], **masks),
    ),
    (
        "average",
        "Average",
        {},
        [(4,), (4,), (4,)],
        (4,),
        dict(formula=lambda x: sum(x) / 3, **masks),
    ),
    ("maximum", "Maximum", {}, [(4,), (4,)], (4,), dict(formula=lambda x: np.maximum(*x), **masks)),
    ("minimum", "Minimum", {}, [(4,), (4,)], (4,), dict(formula=lambda x: np.minimum(*x), **masks)),
    (
        "concatenate",
        "Concatenate",
        {},
        [(4,), (2,), (1,)],
        (7,),
        dict(formula=lambda x: np.concatenate(x, -1), **masks),
    ),
    (
        "concatenate_axis",
        "Concatenate",
        dict(axis=1),
        [(2, 3), (1, 3)],
        (3, 3),
        dict(formula=lambda x: np.concatenate(x, 1)),
    ),
    (
        "concatenate_ints",
        "Concatenate",
        {},
        [(2,), (3,)],
        (5,),
        dict(formula=lambda x: np.concatenate(x, -1), output_dtype="int32", **ints),
    ),
    (
        "dot",
        "Dot",
        dict(axes=1),
        [(4,), (4,)],
        (1,),
        dict(formula=lambda x: (x[0] * x[1]).sum(1, keepdims=True)),
    ),
    (
        "dot_axes",
        "Dot",
        dict(axes=(2, 1)),
        [(2, 3), (3, 4)],
        (2, 4),
        dict(formula=lambda x: x[0] @ x[1]),
    ),
    (
        "dot_same_axis",
        "Dot",
        dict(axes=1),
        [(3, 2), (3, 4)],
        (2, 4),
        dict(formula=lambda x: x[0].transpose(0, 2, 1) @ x[1]),
    ),
    (
        "dot_normalized",
        "Dot",
        dict(axes=-1, normalize=True),
        [(4,), (4,)],
        (1,),
        dict(formula=cosine),
    ),
    *spatial.CASES,
    *normalizing.CASES,
    *recurrent.CASES,
    *convolving.CASES,
    *chance.CASES,
    *tables.CASES,
]


KERAS_QUIRKS = {
    "layernorm_axes": "Keras cannot read back the .h5 that it wrote",
    "concatenate_ints": "Keras infers float32 and gives int32",
}
FIRST_OF_ITS_KIND = {kind: name for name, kind, *_ in reversed(CASES)}


@pytest.mark.parametrize("name, kind, init, shape, output, more", CASES, ids=[c[0] for c in CASES])
def test_layer(name, kind, init, shape, output, more, tmp_path):
    if NAME == "keras" and name in KERAS_QUIRKS:
        pytest.skip(KERAS_QUIRKS[name])
    run_layer_test(getattr(keras.layers, kind), init, input_shape=shape, output_shape=output,
                   compile_training=FIRST_OF_ITS_KIND[kind] == name, tmp_path=tmp_path, **more)
