"""Models to files and back: nothing is lost, training goes on bit for bit, errors say why."""

from __future__ import annotations

import contextvars
import copy
import functools
import json
import operator
import os
import random
import subprocess
import sys
import textwrap
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import fncompile as k
from fncompile.saving import register_keras_serializable, registry
from fncompile.saving.errors import AttributeTooLargeError, FileFormatError
from fncompile.saving.files import read_file, write_file
from fncompile.saving.serialization import enable_unsafe_deserialization

from . import zoo

ROOT = Path(__file__).parents[2]
CASES = [(name, suffix) for name in zoo.BUILDERS for suffix in ("keras", "h5")]


def compiled(name="digits", optimizer="adam", **arguments):
    model, inputs = zoo.BUILDERS[name](k)
    if isinstance(optimizer, str):
        optimizer = zoo.optimizers(k)[optimizer]
    model.compile(optimizer, **{"loss": "mean_squared_error", **arguments})
    zoo.fill(model)
    return model, inputs


def same(a, b):
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y), strict=True)


@pytest.mark.parametrize(("name", "suffix"), CASES)
def test_a_loaded_model_is_the_saved_one(tmp_path, name, suffix):
    model, inputs = compiled(name)
    model.save(tmp_path / f"x.{suffix}")
    back = k.models.load_model(tmp_path / f"x.{suffix}", zoo.custom_objects(k))
    same(model.weights, back.weights)
    same(model.optimizer.variables, back.optimizer.variables)
    same(zoo.flat(model(inputs)), zoo.flat(back(inputs)))
    assert back.name == model.name
    assert json.loads(back.to_json()) == json.loads(model.to_json())
    assert back.optimizer.get_config() == model.optimizer.get_config()


@pytest.mark.parametrize("optimizer", list(zoo.optimizers(k)))
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_every_optimizer_comes_back(tmp_path, optimizer, suffix):
    model, _ = compiled(optimizer=optimizer)
    model.save(tmp_path / f"x.{suffix}")
    back = k.models.load_model(tmp_path / f"x.{suffix}")
    assert type(back.optimizer) is type(model.optimizer)
    same(model.optimizer.variables, back.optimizer.variables)


@pytest.mark.parametrize("suffix", ["keras", "h5", "weights.h5"])
def test_training_resumed_in_another_process_is_training_uninterrupted(tmp_path, suffix):
    script = textwrap.dedent("""
        import sys
        import numpy as np
        import fncompile as k

        def make():
            x = k.Input((12,))
            h = k.layers.Dropout(0.3)(k.layers.Dense(16, activation="relu")(x))
            h = k.layers.Dropout(0.2, seed=4)(k.layers.BatchNormalization()(h))
            model = k.Model(x, k.layers.Dense(5, activation="softmax")(h))
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            return model

        def train(model, first, last):
            rng = np.random.default_rng(0)
            x, y = rng.normal(size=(50, 12)).astype("float32"), rng.integers(0, 5, 50)
            model.fit(x, y, 16, epochs=last, initial_epoch=first, verbose=0)

        path, what, out = sys.argv[1:]
        model = make() if what == "begin" or path.endswith(".weights.h5") else None
        if what == "begin":
            train(model, 0, 2)
            model.save_weights(path) if path.endswith(".weights.h5") else model.save(path)
        elif model is None:
            model = k.models.load_model(path)
        else:
            model.load_weights(path)
        train(model, 2, 4)
        np.savez(out, *[v.numpy() for v in (*model.variables, *model.optimizer.variables)])
    """)
    for what in ("begin", "resume"):
        command = [sys.executable, "-c", script, tmp_path / f"x.{suffix}", what, tmp_path / what]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(list(map(str, command)), check=True, env=environment)
    whole, resumed = (np.load(tmp_path / f"{what}.npz") for what in ("begin", "resume"))
    same(list(whole.values()), list(resumed.values()))


def test_equal_models_give_equal_weight_files(tmp_path):
    for name in ("a", "b"):
        compiled()[0].save_weights(tmp_path / f"{name}.weights.h5")
    files = [(tmp_path / f"{name}.weights.h5") for name in ("a", "b")]
    trees = [read_file(file) for file in files]
    for tree in trees:
        tree.attrs.pop("fncompile_training_seed")
        tree["optimizer/vars"].attrs.clear()
        for layer in tree["layers"].children.values():
            layer["vars"].attrs.clear()
        write_file(tmp_path / "x.h5", tree)
    assert trees[0].children.keys() == trees[1].children.keys()
    same([a for _, a in trees[0].datasets()], [a for _, a in trees[1].datasets()])


def test_weights_from_every_kind_of_file(tmp_path):
    model, _ = compiled()
    model.save_weights(tmp_path / "x.weights.h5")
    for suffix in ("keras", "h5"):
        model.save(tmp_path / f"x.{suffix}")
    for suffix in ("keras", "h5", "weights.h5"):
        other, _ = zoo.digits(k)
        other.load_weights(tmp_path / f"x.{suffix}")
        same(model.weights, other.weights)


def test_a_model_that_is_not_compiled(tmp_path):
    model, _ = zoo.digits(k)
    model.save(tmp_path / "x.keras")
    assert not getattr(k.models.load_model(tmp_path / "x.keras"), "compiled", False)
    model.save(tmp_path / "x.h5")
    with pytest.warns(UserWarning, match="not\\* compiled"):
        k.models.load_model(tmp_path / "x.h5")
    compiled()[0].save(tmp_path / "y.h5")
    assert not getattr(k.models.load_model(tmp_path / "y.h5", compile=False), "compiled", False)


def test_short_names_of_losses_are_written_out_in_h5(tmp_path):
    """Keras 3 cannot read a `.h5` file whose loss is "mse"."""
    model, _ = compiled("branches", loss={"y": "mse", "z": "MAE"})
    model.save(tmp_path / "x.h5")
    loss = json.loads(read_file(tmp_path / "x.h5").attrs["training_config"])["loss"]
    assert loss == {"y": "mean_squared_error", "z": "mean_absolute_error"}


def test_losses_and_metrics_by_output_come_back(tmp_path):
    model, _ = compiled(
        "branches", loss={"y": "mse", "z": k.losses.Huber(delta=0.5)},
        loss_weights={"y": 2.0, "z": 1.0},
        metrics={"y": ["mae", k.metrics.MeanSquaredError(name="error")], "z": []},
    )  # fmt: skip
    for suffix in ("keras", "h5"):
        model.save(tmp_path / f"x.{suffix}")
        arguments = k.models.load_model(tmp_path / f"x.{suffix}")._compile_arguments
        assert arguments["loss"]["z"].get_config()["delta"] == 0.5
        assert arguments["loss_weights"] == {"y": 2.0, "z": 1.0}
        assert arguments["metrics"]["y"][0] == "mae"
        assert arguments["metrics"]["y"][1].name == "error"


# objects of the user's own ------------------------------------------------------------------------


class CustomDense(k.layers.Layer):
    """As in Keras' guide: no name, no **kwargs, a config of one entry."""

    def __init__(self, units=32):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal")

    def call(self, inputs):
        return k.ops.matmul(inputs, self.w)

    def get_config(self):
        return {"units": self.units}


def double(x):
    return x * 2


def own_loss(y_true, y_pred):
    return k.ops.mean(k.ops.square(y_true - y_pred), axis=-1)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_custom_layer_function_and_loss(tmp_path, suffix):
    x = k.Input((4,))
    h = k.layers.Activation(double)(CustomDense(3)(x))
    model = k.Model(x, k.layers.Lambda(double)(h))
    model.compile("sgd", own_loss)
    model.save(tmp_path / f"x.{suffix}")
    known = {"CustomDense": CustomDense, "double": double, "own_loss": own_loss}
    back = k.models.load_model(tmp_path / f"x.{suffix}", custom_objects=known)
    same(model.weights, back.weights)
    assert back._compile_arguments["loss"] is own_loss
    same([model(zoo.rows(2, 4))], [back(zoo.rows(2, 4))])
    for missing in known:
        rest = {name: item for name, item in known.items() if name != missing}
        with pytest.raises((TypeError, ValueError), match=missing):
            k.models.load_model(tmp_path / f"x.{suffix}", custom_objects=rest)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_registered_layer(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(registry, "_objects", {})
    monkeypatch.setattr(registry, "_names", {})
    register_keras_serializable("pack")(CustomDense)
    x = k.Input((4,))
    model = k.Model(x, CustomDense(3)(x))
    model.compile("sgd", "mse")
    model.save(tmp_path / f"x.{suffix}")
    same(model.weights, k.models.load_model(tmp_path / f"x.{suffix}").weights)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_lambdas_need_consent(tmp_path, suffix):
    x = k.Input((4,))
    model = k.Model(x, k.layers.Lambda(lambda t: t * 3)(x))
    model.compile("sgd", "mse")
    model.save(tmp_path / f"x.{suffix}")
    with pytest.raises(ValueError, match="Python lambda.*safe_mode=False"):
        k.models.load_model(tmp_path / f"x.{suffix}")
    back = k.models.load_model(tmp_path / f"x.{suffix}", safe_mode=False)
    np.testing.assert_array_equal(back(np.ones((1, 4), "f4")), np.full((1, 4), 3, "f4"))


def test_groups_of_a_subclass_of_model(tmp_path):
    """As Keras names them: attributes by name, private ones last, `layers` among them."""

    class Own(k.Model):
        def __init__(self):
            super().__init__()
            self.zeta, self.alpha = k.layers.Dense(3), k.layers.Dense(4)
            self._hidden = k.layers.Dense(2)

        def call(self, x):
            return self._hidden(self.zeta(self.alpha(x)))

    model = Own()
    model(zoo.rows(2, 5))
    model.save_weights(tmp_path / "x.weights.h5")
    paths = {
        path.rsplit("/vars/", 1)[0] for path, _ in read_file(tmp_path / "x.weights.h5").datasets()
    }
    assert paths == {"alpha", "layers/dense", "layers/dense_2"}


# what does not fit --------------------------------------------------------------------------------


def test_consent_for_all_files(tmp_path):
    x = k.Input((4,))
    model = k.Model(x, k.layers.Lambda(lambda t: t * 3)(x))
    model.save(tmp_path / "x.keras")

    def load_anyway():
        enable_unsafe_deserialization()
        return k.models.load_model(tmp_path / "x.keras")

    assert contextvars.copy_context().run(load_anyway).layers
    with pytest.raises(ValueError, match="Python lambda"):
        k.models.load_model(tmp_path / "x.keras")


def other_digits(units):
    x = k.Input((12,))
    h = k.layers.Dense(units, name="first")(x)
    return k.Model(x, k.layers.Dense(5, name="last")(k.layers.Dense(8)(h)))


@pytest.mark.parametrize(
    ("suffix", "words"),
    [
        ("keras", "A total of 2 objects could not be loaded.*Dense.*shape"),
        ("h5", "Shape mismatch in layer #0 \\(named first.*\\(12, 9\\).*\\(12, 8\\)"),
        ("weights.h5", "A total of 2 objects could not be loaded"),
    ],
)
def test_shapes_that_do_not_fit_change_nothing(tmp_path, suffix, words):
    model, _ = compiled()
    path = tmp_path / f"x.{suffix}"
    model.save_weights(path) if suffix == "weights.h5" else model.save(path)
    other = other_digits(9)
    before = [v.numpy() for v in other.weights]
    with pytest.raises(ValueError, match=f"(?s){words}"):
        other.load_weights(path)
    same(before, other.weights)
    with pytest.warns(UserWarning):
        other.load_weights(path, skip_mismatch=True)
    same(model.layers[-1].weights, other.layers[-1].weights)
    same(before[:2][:1], other.weights[:1])


def test_counts_that_do_not_fit(tmp_path):
    model, _ = compiled()
    model.save(tmp_path / "x.h5")
    model.save_weights(tmp_path / "x.weights.h5")
    x = k.Input((12,))
    short = k.Model(x, k.layers.Dense(8, use_bias=False)(x))
    with pytest.raises(ValueError, match="Model expected 1 layers, found 3 saved layers"):
        short.load_weights(tmp_path / "x.h5")
    with pytest.raises(ValueError, match="expected 1 variables, but received 2 variables"):
        short.load_weights(tmp_path / "x.weights.h5")


def test_by_name(tmp_path):
    model = other_digits(8)
    model.compile("sgd", "mse")
    model.save(tmp_path / "x.h5")
    x = k.Input((8,))
    other = k.Model(x, k.layers.Dense(5, name="last")(k.layers.Dense(8, name="new")(x)))
    before = other.get_layer("new").get_weights()
    other.load_weights(tmp_path / "x.h5", by_name=True)
    same(model.get_layer("last").weights, other.get_layer("last").weights)
    same(before, other.get_layer("new").weights)


def test_an_optimizer_that_does_not_fit_is_a_warning(tmp_path):
    compiled(optimizer="adam")[0].save_weights(tmp_path / "x.weights.h5")
    other, _ = compiled(optimizer="sgd")
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer"):
        other.load_weights(tmp_path / "x.weights.h5")


class OwnCompile(k.Sequential):
    def compile(self, learning_rate):
        super().compile(k.optimizers.SGD(learning_rate), "mse")


class ToldCompile(OwnCompile):
    def get_compile_config(self):
        return {"learning_rate": 0.5}

    def compile_from_config(self, config):
        self.compile(**config)


def saved_and_trained(cls, path):
    model = cls([k.Input((3,)), k.layers.Dense(1)])
    model.compile(0.5)
    model.fit(np.ones((2, 3)), np.ones((2, 1)), verbose=0)
    model.save(path)
    return model


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_compile_of_its_own_is_not_called_by_loading(suffix, tmp_path):
    model = saved_and_trained(OwnCompile, tmp_path / f"x.{suffix}")
    with pytest.warns(UserWarning, match=r"`compile\(\)` was not called") as seen:
        other = k.models.load_model(tmp_path / f"x.{suffix}", {"OwnCompile": OwnCompile})
    assert seen[0].filename == __file__ and not other.compiled
    same(model.weights, other.weights)


def test_a_compile_of_its_own_that_says_how_is_called(tmp_path):
    model = saved_and_trained(ToldCompile, tmp_path / "x.keras")
    other = k.models.load_model(tmp_path / "x.keras", {"ToldCompile": ToldCompile})
    assert other.compiled and float(other.optimizer.learning_rate) == 0.5
    same(model.weights, other.weights)
    same(model.optimizer.variables, other.optimizer.variables)


def test_save_format_is_said_by_the_suffix(tmp_path):
    model, _ = compiled()
    with pytest.warns(UserWarning, match="`save_format` argument is deprecated") as seen:
        model.save(tmp_path / "x.keras", save_format="keras")
    assert seen[0].filename == __file__
    with pytest.raises(ValueError, match="`save_format` argument is deprecated.*has to be"):
        model.save(tmp_path / "x", save_format="h5")
    assert os.listdir(tmp_path) == ["x.keras"]


@pytest.mark.parametrize("link", [h5py.SoftLink("/real"), h5py.ExternalLink("other.h5", "/")])
def test_a_link_in_a_file_is_named_and_not_followed(link, tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_group("real").create_dataset("inner", data=np.zeros(1))
        file["model_weights"] = link
    with pytest.raises(FileFormatError, match=rf"/model_weights.*{type(link).__name__}"):
        compiled()[0].load_weights(tmp_path / "x.h5")


def test_paths(tmp_path):
    model, _ = compiled()
    for name in ("x", "x.txt", "x.weights.h5"):
        with pytest.raises(ValueError, match="Invalid filepath extension"):
            model.save(tmp_path / name)
    with pytest.raises(ValueError, match=r"must end in `\.weights\.h5`"):
        model.save_weights(tmp_path / "x.h5")
    with pytest.raises(ValueError, match="File not found"):
        k.models.load_model(tmp_path / "none.keras")
    for name in ("x", "x.txt"):
        with pytest.raises(ValueError, match="File format not supported.*no such file"):
            k.models.load_model(tmp_path / name)
        with pytest.raises(ValueError, match="File format not supported.*no such file"):
            model.load_weights(tmp_path / name)
    with pytest.raises(FileFormatError, match="is a directory, and none that a model"):
        k.models.load_model(tmp_path)
    model.save(tmp_path / "new" / "x.keras")
    with pytest.raises(FileExistsError):
        model.save(tmp_path / "new" / "x.keras", overwrite=False)


def test_a_model_that_is_not_built(tmp_path):
    model = k.Sequential([k.layers.Dense(3)])
    model.save(tmp_path / "x.keras")
    again = k.models.load_model(tmp_path / "x.keras")
    assert not again.built and [layer.units for layer in again.layers] == [3]
    with pytest.raises(ValueError, match="not yet been built"):
        model.save_weights(tmp_path / "x.weights.h5")


def test_a_configuration_too_long_for_h5(tmp_path, monkeypatch):
    x = h = k.Input((2,))
    for index in range(90):
        h = k.layers.Dense(2, name=f"a_layer_with_a_rather_long_name_{index}")(h)
    model = k.Model(x, h)
    model.compile("sgd", "mse")
    model.save(tmp_path / "x.keras")
    same(model.weights, k.models.load_model(tmp_path / "x.keras").weights)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "h5py", None)
        patch.delitem(sys.modules, "fncompile.saving.foreign", raising=False)
        with pytest.raises(
            AttributeTooLargeError, match=r"`\.keras` file instead, or install h5py"
        ):
            model.save(tmp_path / "x.h5")
    assert not (tmp_path / "x.h5").exists()
    pytest.importorskip("h5py")
    model.save(tmp_path / "x.h5")
    same(model.weights, k.models.load_model(tmp_path / "x.h5").weights)


def places_in(value, way=()):
    """The way to everything in a JSON value."""
    if way:
        yield way
    if isinstance(value, list):
        value = dict(enumerate(value))
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from places_in(inner, (*way, key))


DAMAGE = [
    None, [], {}, [1], {"a": 1}, "x", -1, 1e308, True, [[]], "\0", 10**30,
    {"class_name": [], "config": {}}, {"class_name": {}, "config": {}},
    {"class_name": "Dense", "registered_name": ["x"], "config": {}},
    {"class_name": "Dense", "module": {}, "config": {}},
    {"class_name": "Dense", "shared_object_id": [], "config": {}},
    {"class_name": "function", "config": []}, {"class_name": "__lambda__", "config": {}},
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_configuration_is_an_error_that_names_the_file(tmp_path, seed):
    """Or makes a model; no error is one of Python's own about what it met."""
    path = tmp_path / "x.keras"
    compiled()[0].save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sound, rng, refused = json.loads(members["config.json"]), random.Random(seed), 0
    ways = list(places_in(sound))
    calls = ["config", "layers", 1, "inbound_nodes", 0]
    damages = [(rng.choice(ways), rng.choice(DAMAGE)) for _ in range(150)]
    for way, damage in [(calls, [{}]), (calls, []), (calls, [[]]), *damages]:
        config = copy.deepcopy(sound)
        *way, last = way
        functools.reduce(operator.getitem, way, config)[last] = copy.deepcopy(damage)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {**members, "config.json": json.dumps(config)}.items():
                archive.writestr(name, content)
        try:
            k.models.load_model(path)
        except (ValueError, TypeError) as error:
            refused += 1
            assert str(path) in str(error), (way, last, str(error))
            assert "unhashable" not in str(error), (way, last, str(error))
    assert refused > 50


@pytest.mark.parametrize("key", ["class_name", "registered_name", "module"])
@pytest.mark.parametrize("value", [[], {}, 3])
def test_names_in_a_configuration_that_are_no_names(key, value):
    config = {"class_name": "Dense", "module": "keras.layers", "config": {}, key: value}
    with pytest.raises(TypeError, match=f"Expected '{key}' to be a name, not a"):
        k.saving.deserialize_keras_object(config)


def test_loading_warns_of_nothing(tmp_path):
    compiled()[0].save(tmp_path / "x.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        k.models.load_model(tmp_path / "x.keras")


@pytest.mark.parametrize("suffix", ["keras", "weights.h5"])
def test_stacks_in_a_model_are_all_saved(tmp_path, suffix):
    # `layers` of a stack is a new list each time; a dead list's identity is given to the next
    def make():
        x = h = k.Input((4,))
        for i in range(30):
            h = k.Sequential([k.layers.Dense(4), k.layers.LayerNormalization()], name=f"s{i}")(h)
        return k.Model(x, h)

    model = make()
    random = np.random.default_rng(1)
    model.set_weights([random.random(w.shape, np.float32) for w in model.weights])
    path = tmp_path / f"x.{suffix}"
    if suffix == "keras":
        model.save(path)
        back = k.models.load_model(path)
    else:
        model.save_weights(path)
        back = make()
        back.load_weights(path)
    same(model.weights, back.weights)
