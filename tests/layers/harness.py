"""`run_layer_test`: everything that must hold of any layer, in the manner of Keras' own harness.

Given a layer class, its arguments and an input shape, in this order:
 1. called on an array: shape and dtype, weight counts, the NumPy formula where one is given;
 2. get_config survives JSON and from_config;
 3. called on an Input with an open batch: the inferred shape and dtype are the actual ones;
 4. the compiled model predicts what the eager call gave, for the batch and for one row;
 5. .keras and .h5 files bring back a model with equal predictions;
 6. training steps give a finite loss and move every trainable weight; compiled where
    `compile_training` says so, else by the interpreter, to spare the C compiler;
 7. in float64, by the interpreter, the gradient equals a central difference of the loss along
    random directions.
Only public API is used, so the same code runs against real Keras.
"""

from __future__ import annotations

import contextlib
import json

import numpy as np

from tests.keras_reference.target import interpreted, keras

BATCH = 3


def run_layer_test(cls, init_kwargs, *, input_shape, output_shape, input_dtype="float32",
                   output_dtype="float32", trainable=0, non_trainable=0, supports_masking=None,
                   formula=None, call_kwargs=None, losses=0, stochastic=False, high=4,
                   train=True, compile_training=True, tmp_path=None):
    """Shapes exclude the batch; `input_shape` is a list of tuples for layers that merge.

    `formula(x, *weights)` gives the output in NumPy. `high` bounds integer inputs.
    """
    keras.utils.clear_session()
    call_kwargs = call_kwargs or {}
    x = sample(input_shape, input_dtype, high)

    def make():
        return cls(**init_kwargs)

    output = check_eager(make(), x, call_kwargs, output_shape, output_dtype, trainable,
                         non_trainable, supports_masking, formula, losses)
    check_config(cls, make())
    model = check_symbolic(make(), x, call_kwargs, output_shape, output_dtype)
    check_compiled(model, x, output_dtype, call_kwargs)
    if tmp_path:
        check_files(model, x, tmp_path)
    if train and output_dtype == "float32":
        with contextlib.nullcontext() if compile_training else interpreted():
            check_training(make, x, call_kwargs, output)
        if not stochastic:
            check_gradient(make, x, call_kwargs, output)


def sample(shape, dtype, high, seed=0):
    """An array with a batch of 3, or a list of them."""
    if isinstance(shape, list):
        return [sample(part, dtype, high, seed + i) for i, part in enumerate(shape)]
    rng = np.random.default_rng(seed)
    if dtype.startswith("int"):
        return rng.integers(0, high, (BATCH, *shape)).astype(dtype)
    return rng.normal(size=(BATCH, *shape)).astype(dtype)


def check_eager(layer, x, call_kwargs, output_shape, output_dtype, trainable, non_trainable,
                supports_masking, formula, losses):
    output = to_numpy(layer(x, **call_kwargs))
    assert output.shape == (BATCH, *output_shape)
    assert output.dtype.name == output_dtype
    assert layer.built
    assert len(layer.trainable_weights) == trainable
    assert len(layer.non_trainable_weights) == non_trainable
    assert len(layer.losses) == losses
    assert layer.count_params() == sum(w.size for w in layer.get_weights())
    if supports_masking is not None:
        assert layer.supports_masking == supports_masking
    if formula:
        np.testing.assert_allclose(output, formula(x, *layer.get_weights()), 1e-5, 1e-6)
    return output


def check_config(cls, layer):
    config = plain(layer.get_config())
    assert plain(cls.from_config(config).get_config()) == config


def plain(config):
    """As JSON has it: tuples become lists."""
    return json.loads(json.dumps(config))


def check_symbolic(layer, x, call_kwargs, output_shape, output_dtype):
    inputs = symbolic(x)
    output = layer(inputs, **call_kwargs)
    assert tuple(output.shape) == (None, *output_shape)
    assert output.dtype == output_dtype
    return keras.Model(inputs, output)


def check_compiled(model, x, output_dtype, call_kwargs):
    """Where the layer has random weights, both sides use the same layer."""
    layer = model.layers[-1]
    eager = to_numpy(layer(x, **{**call_kwargs, **inference(call_kwargs)}))
    tolerance = dict(rtol=1e-5, atol=1e-6)
    compiled = model.predict(x, verbose=0)
    assert compiled.dtype.name == output_dtype
    np.testing.assert_allclose(compiled, eager, **tolerance)
    row = [part[:1] for part in x] if isinstance(x, list) else x[:1]
    np.testing.assert_allclose(model.predict(row, verbose=0), eager[:1], **tolerance)


def inference(call_kwargs):
    return {"training": False} if "training" in call_kwargs else {}


def check_files(model, x, folder):
    expected = model.predict(x, verbose=0)
    for name in ("model.keras", "model.h5"):
        model.save(folder / name)
        again = keras.models.load_model(folder / name)
        np.testing.assert_array_equal(again.predict(x, verbose=0), expected)
        assert plain(again.get_config()) == plain(model.get_config())


def check_training(make, x, call_kwargs, output):
    model = training_model(make, x, call_kwargs)
    target = target_like(output)
    before = model.get_weights()
    moving = [w.trainable for w in model.weights]
    loss = model.train_on_batch(x, target)
    assert np.isfinite(loss)
    for old, new, moves in zip(before, model.get_weights(), moving):
        assert np.isfinite(new).all()
        assert not moves or not np.array_equal(old, new)
    history = model.fit(x, target, batch_size=2, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def target_like(output):
    return np.linspace(-1, 2, output.size, dtype=output.dtype).reshape(output.shape)


def check_gradient(make, x, call_kwargs, output, step=1e-5):
    """With SGD at rate 1, a step moves the weights by the gradient; at rate 0, it only tells the
    loss."""
    with double_precision(), interpreted():
        model = training_model(make, x, call_kwargs)
        weights = seeded(model)
        x, target = as_double(x), target_like(output)
        model.optimizer.learning_rate = 1.0
        model.set_weights(weights)
        model.train_on_batch(x, target)
        gradient = [(old - new) * w.trainable
                    for old, new, w in zip(weights, model.get_weights(), model.weights)]
        model.optimizer.learning_rate = 0.0

        def loss(*values):
            model.set_weights(list(values))
            return model.train_on_batch(x, target)

        check_directions(loss, weights, gradient, [w.trainable for w in model.weights], step)


def check_directions(loss, weights, gradient, moves, step):
    rng = np.random.default_rng(5)
    for _ in range(2 if any(moves) else 0):
        direction = [rng.normal(size=w.shape) * m for w, m in zip(weights, moves)]
        ahead = loss(*(w + step * d for w, d in zip(weights, direction)))
        behind = loss(*(w - step * d for w, d in zip(weights, direction)))
        slope = sum(np.sum(g * d) for g, d in zip(gradient, direction))
        np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-8)


def training_model(make, x, call_kwargs):
    """A Dense in front of every float input, so that gradients must flow through the layer.

    Without a bias: in front of a normalization its gradient is zero, and only rounding moved it.
    """
    inputs = symbolic(x)
    ahead = [keras.layers.Dense(t.shape[-1], use_bias=False)(t) if "float" in t.dtype else t
             for t in (inputs if isinstance(inputs, list) else [inputs])]
    output = make()(ahead if isinstance(inputs, list) else ahead[0], **call_kwargs)
    model = keras.Model(inputs, output)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    return model


def seeded(model):
    """Weights away from zero and one another, positive where a variance needs it."""
    rng = np.random.default_rng(6)
    return [
        rng.uniform(0.2, 0.9, w.shape)
        * (1 if "variance" in w.name else rng.choice([-1, 1], w.shape))
        for w in model.weights
    ]


def symbolic(x):
    if isinstance(x, list):
        return [symbolic(part) for part in x]
    dtype = keras.config.floatx() if x.dtype.kind == "f" else x.dtype.name
    return keras.Input(x.shape[1:], dtype=dtype)


def as_double(x):
    if isinstance(x, list):
        return [as_double(part) for part in x]
    return x.astype("float64") if x.dtype.kind == "f" else x


def to_numpy(output):
    return keras.ops.convert_to_numpy(output)


@contextlib.contextmanager
def double_precision():
    """Keras remembers the first dtype policy it made until the session is cleared."""
    keras.config.set_floatx("float64")
    keras.utils.clear_session()
    try:
        yield
    finally:
        keras.config.set_floatx("float32")
        keras.utils.clear_session()
