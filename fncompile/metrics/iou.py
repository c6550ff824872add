"""The overlap of predicted and true regions: intersection over union of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fncompile import ops
from fncompile.caller import warn_caller
from fncompile.config import floatx
from fncompile.losses.loss import as_tensors
from fncompile.losses.reduction import align_weights
from fncompile.metrics.metric import Metric
from fncompile.ops.dispatch import op
from fncompile.ops.types import Result


class _Overlap(Metric):
    """Holds how often each class was taken for each, (classes, classes), rows being the truth."""

    def __init__(
        self,
        num_classes: int,
        name: str | None,
        dtype: Any,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(dtype or "int32", name)
        self.num_classes, self.ignore_class = num_classes, ignore_class
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.axis = axis
        shape = (num_classes, num_classes)
        self.total_cm = self.add_variable(shape, name="total_confusion_matrix")

    @op
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = as_tensors(y_true), as_tensors(y_pred)
        if not self.sparse_y_true:
            y_true = ops.argmax(y_true, axis=self.axis)
        if not self.sparse_y_pred:
            y_pred = ops.argmax(y_pred, axis=self.axis)
        self._count(y_true, y_pred, sample_weight)

    def _count(self, y_true: Any, y_pred: Any, sample_weight: Any) -> None:
        y_true, y_pred = ops.cast(y_true, "int32"), ops.cast(y_pred, "int32")
        weights = ops.ones_like(y_true, self.dtype)
        if sample_weight is not None:
            sample_weight = as_tensors(sample_weight)
            if "float" in ops.dtype(sample_weight) and "int" in self.dtype:
                warn_caller(
                    "The weights are float, but the metric counts in int: casting them leaves out "
                    "their fractions. Make the metric with dtype='float32'."
                )
            weights = weights * align_weights(weights, ops.cast(sample_weight, self.dtype))
        if self.ignore_class is not None:
            weights = ops.where(ops.equal(y_true, self.ignore_class), 0, weights)
        n = self.num_classes
        known = (y_true >= 0) & (y_true < n) & (y_pred >= 0) & (y_pred < n)
        place = ops.where(known, y_true * n + y_pred, -1)
        found = ops.segment_sum(ops.ravel(weights), ops.ravel(place), n * n)
        self.total_cm.assign_add(ops.reshape(found, (n, n)))

    def _overlap(self, classes: Sequence[int] | None) -> Result:
        """The mean over those classes that occur, in truth or prediction."""
        matrix = ops.cast(ops.convert_to_tensor(self.total_cm), _float(self.dtype))
        right = ops.diag(matrix)
        union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - right
        if classes is not None:
            right, union = ops.take(right, list(classes)), ops.take(union, list(classes))
        occurs = ops.count_nonzero(union)
        return ops.divide_no_nan(ops.sum(ops.divide_no_nan(right, union)), occurs)

    def get_config(self) -> dict[str, Any]:
        own = {
            "num_classes": self.num_classes,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }
        return {**super().get_config(), **own}


def _float(dtype: str) -> str:
    return dtype if "float" in dtype else floatx()


class IoU(_Overlap):
    """The mean over `target_class_ids` of intersection over union: true positives over all that
    are of the class or were taken for it.

    Takes class numbers from 0 to `num_classes` - 1 as targets and predictions, or numbers along
    `axis` whose largest says the class, for targets where not `sparse_y_true` and for predictions
    where not `sparse_y_pred`; and weights. `ignore_class`: targets that do not count. `name` and
    `dtype` as for `Metric`, but int32 if None. ValueError for a target class that is none.

    >>> metric = metrics.IoU(num_classes=2, target_class_ids=[0])
    >>> round(float(metric([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"Target class id {max(target_class_ids)} is out of range, which is [0, "
                f"{num_classes})."
            )
        self.target_class_ids = list(target_class_ids)

    @op
    def result(self) -> Any:
        return self._overlap(self.target_class_ids)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "target_class_ids": self.target_class_ids}


class BinaryIoU(IoU):
    """The mean over `target_class_ids`, 0, 1 or both, of intersection over union.

    Takes targets of 0 and 1, predictions, of which those from `threshold` on are taken for 1, and
    weights. `name` and `dtype` as for `Metric`, but int32 if None.

    >>> metric = metrics.BinaryIoU(target_class_ids=[0, 1], threshold=0.3)
    >>> round(float(metric([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    @op
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = ops.cast(as_tensors(y_pred), floatx())
        self._count(as_tensors(y_true), y_pred >= self.threshold, sample_weight)

    def get_config(self) -> dict[str, Any]:
        every = super().get_config()
        own = {key: every[key] for key in ("name", "dtype", "target_class_ids")}
        return {**own, "threshold": self.threshold}


class MeanIoU(_Overlap):
    """The mean over all classes of intersection over union.

    Takes targets and predictions as `IoU` does, and weights. `num_classes`, `ignore_class`,
    `sparse_y_true`, `sparse_y_pred`, `axis`, `name` and `dtype` as for `IoU`.

    >>> round(float(metrics.MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    @op
    def result(self) -> Any:
        return self._overlap(None)


class OneHotIoU(IoU):
    """`IoU` of targets that are one-hot along `axis`.

    `num_classes`, `target_class_ids`, `ignore_class`, `sparse_y_pred`, `axis`, `name` and `dtype`
    as for `IoU`.

    >>> metric = metrics.OneHotIoU(num_classes=2, target_class_ids=[0])
    >>> round(float(metric([[1, 0], [0, 1]], [[0.7, 0.3], [0.6, 0.4]])), 4)
    0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["sparse_y_true"]
        return config


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of targets that are one-hot along `axis`.

    `num_classes`, `ignore_class`, `sparse_y_pred`, `axis`, `name` and `dtype` as for `IoU`.

    >>> metric = metrics.OneHotMeanIoU(num_classes=2)
    >>> round(float(metric([[1, 0], [0, 1]], [[0.7, 0.3], [0.6, 0.4]])), 4)
    0.25
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["sparse_y_true"]
        return config
