"""Dtype policies by name, object or config, as in `keras.dtype_policies`.

A policy says what a layer computes in and what its weights are. `mixed_bfloat16` computes in
bfloat16 on float32 weights; sums within products and reductions are float32 in any case, and losses
and metrics are computed in floatx.
"""

from __future__ import annotations

from typing import Any

from fncompile.config import DTypePolicy, dtype_policy
from fncompile.missing import explain_missing

__all__ = ["DTypePolicy", "FloatDTypePolicy", "deserialize", "get", "serialize"]

FloatDTypePolicy = DTypePolicy


def get(identifier: Any) -> DTypePolicy:
    """The policy that a `dtype` argument means: a policy, its name or config, a dtype of NumPy;
    None is the global one. ValueError for anything else.

    `identifier`: any of these.

    >>> dtype_policies.get("mixed_bfloat16")
    <DTypePolicy "mixed_bfloat16">
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    name = getattr(identifier, "name", None) or getattr(identifier, "__name__", identifier)
    if not isinstance(name, str):
        raise ValueError(
            "Cannot interpret `dtype` argument. Expected a string or an instance of DTypePolicy. "
            f"Received: dtype={identifier}"
        )
    return DTypePolicy(name)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """As Keras writes a policy; `deserialize` reads it.

    `dtype_policy`: a policy.

    >>> dtype_policies.serialize(fncompile.DTypePolicy("float32"))["config"]
    {'name': 'float32'}
    """
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": dtype_policy.get_config(),
        "registered_name": None,
    }


def deserialize(config: Any, custom_objects: Any = None) -> DTypePolicy:
    """The policy that was serialized, by any version of Keras since 2.4.

    `config`: what `serialize` gave, or a name; `custom_objects` is Keras' argument and ignored.

    >>> dtype_policies.deserialize({"class_name": "DTypePolicy", "config": {"name": "float32"}})
    <DTypePolicy "float32">
    """
    inner = config.get("config", {}) if isinstance(config, dict) else None
    return DTypePolicy(inner.get("name", "")) if inner is not None else get(config)

explain_missing(__name__)
