"""Dtype policies by name, object or config, as in `keras.dtype_policies`.

A policy says what a layer computes in and what its weights are. `mixed_bfloat16` computes in
bfloat16 on float32 weights, `mixed_float16` in float16, for which `compile` scales the loss; sums
within products and reductions are float32 in any case, and losses and metrics are computed in
floatx.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from fncompile.config import DTypePolicy, dtype_policy
from fncompile.missing import explain_missing

__all__ = [
    "DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "deserialize", "get", "serialize",
]  # fmt: skip

FloatDTypePolicy = DTypePolicy


class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """Policies of layers by their paths, given to layers as their `dtype`.

    A layer takes the policy at its path; else that of the one key which, as a pattern, matches the
    whole of it, ValueError where several do; else `default_policy`, the global one if None.
    `policy_map`: a dict to begin with. A policy that is set twice is a ValueError, what is no
    policy a TypeError.

    >>> policies = dtype_policies.DTypePolicyMap(default_policy="float32")
    >>> policies["encoder/.*"] = fncompile.DTypePolicy("bfloat16")
    >>> policies["encoder/dense"], policies["decoder"]
    (<DTypePolicy "bfloat16">, <DTypePolicy "float32">)
    """

    def __init__(self, default_policy: Any = None, policy_map: dict[str, Any] | None = None):
        if policy_map is not None and not isinstance(policy_map, Mapping):
            raise TypeError(
                "If specified, `policy_map` must be a dict. "
                f"Received: policy_map={policy_map} (of type {type(policy_map)})"
            )
        self._default = None if default_policy is None else get(default_policy)
        super().__init__(self.default_policy.name)
        self._policies: dict[str, DTypePolicy] = {}
        for path, policy in (policy_map or {}).items():
            self[path] = get(policy)

    @property
    def default_policy(self) -> DTypePolicy:
        """That of layers without one of their own."""
        return dtype_policy() if self._default is None else self._default

    @property
    def name(self) -> str:
        """That of the default policy."""
        return self.default_policy.name

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policies:
            return self._policies[key]
        matching = [path for path in self._policies if re.fullmatch(path, key)]
        if len(matching) > 1:
            raise ValueError(
                f"Path '{key}' matches multiple dtype policy specification keys: {matching}. "
                "Please make sure each path only matches at most one dtype policy specification "
                "key in the DTypePolicyMap."
            )
        return self._policies[matching[0]] if matching else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._policies:
            raise ValueError(
                f"{key} already exist in the DTypePolicyMap with value {self._policies[key]}. "
                "Please make sure to not use duplicated keys."
            )
        if not isinstance(policy, DTypePolicy):
            raise TypeError(
                "Cannot set a value of the map: it has to be a DTypePolicy. "
                f"Received: policy={policy} (of type {type(policy)})"
            )
        self._policies[key] = policy

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        default = None if self._default is None else serialize(self._default)
        policies = {path: serialize(policy) for path, policy in self._policies.items()}
        return {"default_policy": default, "policy_map": policies}

    __eq__, __hash__ = object.__eq__, object.__hash__

    def __repr__(self) -> str:
        mapping = [(path, policy.name) for path, policy in self._policies.items()]
        return f"<DTypePolicyMap default_policy={self.default_policy.name}, mapping={mapping}>"


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
        "class_name": type(dtype_policy).__name__,
        "config": dtype_policy.get_config(),
        "registered_name": None,
    }


def deserialize(config: Any, custom_objects: Any = None) -> DTypePolicy:
    """The policy that was serialized, by any version of Keras since 2.4.

    `config`: what `serialize` gave, or a name; `custom_objects` is Keras' argument and ignored.

    >>> dtype_policies.deserialize({"class_name": "DTypePolicy", "config": {"name": "float32"}})
    <DTypePolicy "float32">
    """
    if isinstance(config, dict) and config.get("class_name") == "DTypePolicyMap":
        return DTypePolicyMap.from_config(config["config"])
    inner = config.get("config", {}) if isinstance(config, dict) else None
    return DTypePolicy(inner.get("name", "")) if inner is not None else get(config)

explain_missing(__name__)
