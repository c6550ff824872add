"""The older spellings of `keras.config.set_dtype_policy` and its kin: `keras.mixed_precision`."""

from __future__ import annotations

from fncompile.config import DTypePolicy, dtype_policy, set_dtype_policy
from fncompile.missing import explain_missing
from fncompile.optimizers.loss_scaling import LossScaleOptimizer

__all__ = [
    "DTypePolicy", "LossScaleOptimizer", "Policy", "dtype_policy", "global_policy",
    "set_dtype_policy", "set_global_policy",
]  # fmt: skip

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

explain_missing(__name__)
