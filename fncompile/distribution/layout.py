"""Devices in a grid, and how a tensor lies on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fncompile.distribution.devices import list_devices


class DeviceMesh:
    """Devices, which are processes, in a grid with named axes.

    `shape`: its extents; `axis_names`: one for each; `devices`: names as `list_devices` gives them,
    all by default. ValueError where these do not fit each other.

    >>> mesh = distribution.DeviceMesh((1,), ["batch"])
    >>> mesh.devices
    array(['cpu:0'], dtype='<U5')
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None):
        if not shape or not axis_names:
            raise ValueError(
                "Shape and axis_names cannot be empty. Received: "
                f"shape={shape}, axis_names={axis_names}"
            )
        if len(shape) != len(axis_names):
            raise ValueError(
                "Shape and axis_names should have same size. "
                f"Received: shape={shape}, axis_names={axis_names}"
            )
        found = np.array(list_devices() if devices is None else devices)
        if math.prod(shape) != found.size:
            raise ValueError(
                "Shape does not match the number of devices. "
                f"Received: shape={shape}; devices.shape={found.shape}"
            )
        self.shape, self.axis_names = shape, axis_names
        self.devices = found.reshape(tuple(shape))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Along which axes of a mesh the axes of a tensor are cut; None for one that is not.

    `axes`: names of axes of `device_mesh`, a DeviceMesh that may be given later. ValueError for a
    name that it does not have.

    >>> distribution.TensorLayout(("batch", None)).axes
    ('batch', None)
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None):
        self.axes = tuple(axes)
        self._mesh: DeviceMesh | None = None
        if device_mesh is not None:
            self.device_mesh = device_mesh

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh; it can be set once."""
        return self._mesh

    @device_mesh.setter
    def device_mesh(self, mesh: DeviceMesh) -> None:
        if self._mesh is not None:
            raise ValueError(f"Cannot override device mesh value. Existing value is {self._mesh}")
        if set(self.axes) - {None} - set(mesh.axis_names):
            raise ValueError(
                "Invalid axis names for Layout. Valid axis names: "
                f"{set(mesh.axis_names)}, Got {set(self.axes) - {None}}"
            )
        self._mesh = mesh

    def __repr__(self) -> str:
        return f"<{type(self).__name__} axes={self.axes}, device_mesh={self.device_mesh}>"
