"""Which processes train together, and on which rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from fncompile.caller import warn_caller
from fncompile.distribution.devices import list_devices
from fncompile.distribution.devices import processes as all_processes
from fncompile.distribution.layout import DeviceMesh, TensorLayout

BATCH = "batch"
_current: DataParallel | None = None
_is_alone = False  # for a while, as in callbacks of the first


class DataParallel:
    """Training where each process computes a part of every batch, and all have the same weights.

    `device_mesh`: a DeviceMesh of one axis, or `devices`: names of devices; all of `list_devices()`
    by default, and no other choice. With `auto_shard_dataset` all processes are given the same
    data, and each takes its rows of every batch, so that `batch_size` is what it is for one
    process; without it, each is given data of its own, in as many batches as the others.

    >>> parallel = distribution.DataParallel()
    >>> parallel.num_processes, parallel.data_shard_id
    (1, 0)
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | None = None,
        auto_shard_dataset: bool = True,
    ):
        if device_mesh is not None and not isinstance(device_mesh, DeviceMesh):
            raise ValueError(
                "Expect `mesh` to be an instance of `DeviceMesh`. "
                f"Received: mesh={device_mesh} (of type {type(device_mesh)})"
            )
        if device_mesh is None:
            names = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(names),), [BATCH], names)
        if device_mesh.devices.ndim != 1:
            warn_caller(
                "Expect the input mesh to be 1D, but received "
                f"mesh.devices.ndim={device_mesh.devices.ndim}. The first axis will be used for "
                "data-parallel sharding."
            )
        if sorted(device_mesh.devices.ravel()) != sorted(list_devices()):
            raise ValueError(
                f"Every process of the job takes part: expected the devices {list_devices()}. "
                f"Received: {device_mesh.devices.ravel().tolist()}"
            )
        self.device_mesh = device_mesh
        self.batch_dim_name = device_mesh.axis_names[0]
        self.auto_shard_dataset = auto_shard_dataset
        self.processes = all_processes()

    @property
    def num_processes(self) -> int:
        """How many there are."""
        return self.processes.size

    @property
    def num_model_replicas(self) -> int:
        """The same: each has the whole model."""
        return self.processes.size

    @property
    def data_shard_id(self) -> int:
        """The number of this process, from 0: its rank."""
        return self.processes.rank

    def share(self, index: np.ndarray) -> np.ndarray:
        """Those of the rows `index` of a batch that this process computes."""
        return self.processes.share(index) if self.auto_shard_dataset else index

    def get_data_layout(self, data_shape: Sequence[Any]) -> TensorLayout:
        """Data are cut along the first axis."""
        axes = [self.batch_dim_name, *[None] * (len(data_shape) - 1)]
        return TensorLayout(axes, self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Variables are not cut."""
        return TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Nothing is said of tensors inside a model."""
        return None

    def distribute_dataset(self, dataset: Any) -> Any:
        """The data as they are: `fit` and `evaluate` take this process's rows of each batch."""
        return dataset

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Inside, this is `distribution()`."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


def distribution() -> DataParallel | None:
    """What `set_distribution` was given last.

    >>> distribution.distribution()
    """
    return _current


def set_distribution(value: DataParallel | None) -> None:
    """Train by `value`, a DataParallel, from now on; by None in this process alone.

    >>> distribution.set_distribution(distribution.DataParallel())
    >>> distribution.set_distribution(None)
    """
    global _current
    if value is not None and not isinstance(value, DataParallel):
        raise ValueError(f"Expected a `DataParallel` or None. Received: {value}")
    _current = value


def together() -> DataParallel | None:
    """The distribution, where several processes train at this moment; else None."""
    if _current is None or _is_alone or _current.num_processes == 1:
        return None
    return _current


@contextmanager
def alone() -> Iterator[None]:
    """Inside, what this process trains or evaluates concerns no other."""
    global _is_alone
    before, _is_alone = _is_alone, True
    try:
        yield
    finally:
        _is_alone = before
