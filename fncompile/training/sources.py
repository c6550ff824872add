"""Which feed serves what the user passed as `x`.

Arrays, and lists and dicts of them, make an `ArrayFeed`; data sets with a length and an index
(`PyDataset`), generators and all other iterables make a `BatchFeed` of (x, y, sample_weight)
tuples.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from fncompile.training.call_plan import call_plan, plan_again
from fncompile.training.data import Arrays
from fncompile.training.feed import ArrayFeed, BatchFeed
from fncompile.training.step_data import unpack
from fncompile.training.steps import CallPlan
from fncompile.training.trained import TrainedModel

Feed = ArrayFeed | BatchFeed


class PyDataset:
    """Base of data sets that compute one batch at a time.

    A subclass writes `__len__` or `num_batches`, the number of batches, and `__getitem__(index)`,
    the tuple (inputs, targets) or (inputs, targets, sample_weights) of one. A data set whose
    `num_batches` is None has no end, and is read in order. The order of batches is shuffled where
    `fit` shuffles; `on_epoch_end` may change the data. Batches are made one by one in the calling
    thread; the arguments for worker processes are accepted and have no effect.

    `workers`, `use_multiprocessing` and `max_queue_size` are the arguments without effect.

    >>> class Squares(utils.PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         x = np.full((2, 1), index, "float32")
    ...         return x, x**2
    >>> model = fncompile.Sequential([fncompile.Input((1,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(Squares(), verbose=0)
    >>> model.predict(Squares(), verbose=0).shape
    (6, 1)
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ):
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> tuple:
        raise NotImplementedError(f"{type(self).__name__} must implement `__getitem__()`.")

    @property
    def num_batches(self) -> int | None:
        """The number of batches, None where there is no end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(
            f"{type(self).__name__} must implement `__len__()` or `num_batches`."
        )

    def __iter__(self) -> Iterator[Any]:
        """The batches in order; without end where their number is None, or not told."""
        try:
            number = self.num_batches
        except NotImplementedError:
            number = None
        return (self[i] for i in (itertools.count() if number is None else range(number)))

    def on_epoch_begin(self) -> None:
        """Called before each pass."""

    def on_epoch_end(self) -> None:
        """Called after each pass."""


def is_arrays(x: Any) -> bool:
    """Arrays, or lists, tuples and dicts of them: data that is all there."""
    return x is None or hasattr(x, "__array__") or isinstance(x, (list, tuple, Mapping))


def training_feed(
    model: TrainedModel,
    verb: str,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    batch_size: int | None = None,
    shuffle: bool | str = False,
    steps: int | None = None,
) -> Feed:
    """The feed of inputs, targets and weights, to "train" with or to "evaluate"."""
    if is_arrays(x):
        plan, arrays = call_plan(model, verb, x, y, sample_weight, class_weight)
        return array_feed(model, plan, arrays, batch_size, shuffle, steps)
    _check_alone(x, y, sample_weight, class_weight)
    take = partial(_unpacked, type(x))
    prepare = lambda item: call_plan(model, verb, *take(item), class_weight)  # noqa: E731
    return _batch_feed(x, prepare, steps, bool(shuffle))


def array_feed(
    model: TrainedModel,
    plan: CallPlan,
    arrays: Arrays,
    batch_size: int | None = None,
    shuffle: bool | str = False,
    steps: int | None = None,
) -> ArrayFeed:
    """The feed of flat arrays, to do with them what `plan` does."""
    return ArrayFeed(partial(plan_again, model, plan), arrays, batch_size, shuffle, steps)


def prediction_feed(model: TrainedModel, x: Any, batch_size: int | None, steps: int | None) -> Feed:
    """The feed of inputs only; targets in the batches of `x` are ignored."""
    take = partial(_unpacked, type(x))
    prepare = lambda item: call_plan(model, "predict", take(item)[0])  # noqa: E731
    return _batch_feed(x, prepare, steps)


def _batch_feed(x: Any, prepare: Any, steps: int | None, shuffle: bool = False) -> BatchFeed:
    if isinstance(x, (str, bytes)) or not (hasattr(x, "__iter__") or hasattr(x, "__getitem__")):
        raise ValueError(f"Unrecognized data type: x={x} (of type {type(x)})")
    if _is_indexed(x):
        count = _batches_of(x)
        if count is None and steps is None:
            raise ValueError(
                f"The data set {type(x).__name__} has no end: say how many batches to take, as "
                "`steps_per_epoch` in `fit`, as `steps` elsewhere."
            )
        start = lambda seed: _indexed(x, shuffle, seed)  # noqa: E731
        return BatchFeed(start, prepare, steps, count)
    if iter(x) is x:
        return BatchFeed(lambda _: x, prepare, steps)
    length = len(x) if hasattr(x, "__len__") else None
    return BatchFeed(lambda _: iter(x), prepare, steps, length)


def _is_indexed(x: Any) -> bool:
    """A data set that gives the batch of a number."""
    counts = isinstance(x, PyDataset) or hasattr(x, "__len__")
    return counts and hasattr(x, "__getitem__") and not hasattr(x, "__next__")


def _batches_of(dataset: Any) -> int | None:
    return dataset.num_batches if isinstance(dataset, PyDataset) else len(dataset)


def _indexed(dataset: Any, shuffle: bool, seed: list[int]) -> Iterator:
    """One pass over a data set by index."""
    count = _batches_of(dataset)
    getattr(dataset, "on_epoch_begin", _nothing)()
    for index in _order(count, shuffle, seed):
        yield dataset[int(index)]
    getattr(dataset, "on_epoch_end", _nothing)()


def _order(count: int | None, shuffle: bool, seed: list[int]) -> Iterable[int]:
    if count is None:
        return itertools.count()
    return np.random.default_rng(seed).permutation(count) if shuffle else range(count)


def _nothing() -> None: ...


def _unpacked(source: type, item: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of a batch. A data loader's batches are lists; what a generator gives
    as a list could as well be several inputs."""
    if not isinstance(item, tuple) and not (isinstance(item, list) and _is_loader(source)):
        raise ValueError(
            "When passing a Python generator to a Keras model, the generator must return a tuple, "
            "either (input,) or (inputs, targets) or (inputs, targets, sample_weights). "
            f"Received: {type(item)}"
        )
    return unpack(item)


def _is_loader(source: type) -> bool:
    return not hasattr(source, "__next__")


def _check_alone(x: Any, y: Any, sample_weight: Any, class_weight: Any) -> None:
    """Targets and weights come with the batches."""
    if y is not None:
        raise ValueError(
            "When providing `x` as a generator, `y` should not be passed. Instead, the targets "
            "should be included as part of the generator."
        )
    if sample_weight is not None:
        raise ValueError(
            "When providing `x` as a generator, `sample_weights` should not be passed. Instead, "
            "the sample weights should be included as part of the generator."
        )
    if class_weight is not None and not _is_indexed(x):
        raise ValueError(
            "Argument `class_weight` is not supported for Python generator inputs. "
            f"Received: class_weight={class_weight}"
        )


def check_splittable(x: Any) -> None:
    if not is_arrays(x):
        raise ValueError(
            "Argument `validation_split` is only supported for tensors or NumPy arrays. "
            f"Found incompatible type in the input: [{type(x)}]"
        )


__all__ = [
    "Arrays",
    "PyDataset",
    "check_splittable",
    "is_arrays",
    "prediction_feed",
    "training_feed",
]
