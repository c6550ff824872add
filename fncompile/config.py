"""Global numeric settings, as in `keras.config`: float type, dtype policy, fuzz factor, image
layout.

Requires nothing of the rest of the package. A setting holds for what is created after it is set.
"""

from __future__ import annotations

from typing import Any

from fncompile.missing import explain_missing

_FLOATS = ("float16", "float32", "float64")
_LAYOUTS = ("channels_last", "channels_first")

_DTYPES = (
    "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "bfloat16",
    *_FLOATS,
)  # fmt: skip
_MIXED = ("mixed_bfloat16", "mixed_float16")

_floatx = "float32"
_policy: DTypePolicy | None = None
_epsilon = 1e-7
_image_data_format = "channels_last"


def floatx() -> str:
    """The float type of new inputs and weights: "float32" (default), "float64" or "float16".

    >>> config.floatx()
    'float32'
    """
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float type. Raises ValueError unless it is "float32", "float64" or "float16".

    `value`: one of the three.

    >>> config.set_floatx("float32")
    """
    global _floatx
    _floatx = _one_of("floatx", value, _FLOATS)


class DTypePolicy:
    """What a layer computes in, and what its weights are.

    `name` is a dtype, which is both, or "mixed_bfloat16" or "mixed_float16": computing in 16 bits
    on weights of float32. Without a name it is the one that is set. Raises ValueError on any other
    name, and TypeError on what is not a name.

    >>> policy = fncompile.DTypePolicy("mixed_bfloat16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, name: str | None = None):
        name = dtype_policy().name if name is None else name
        if not isinstance(name, str):
            raise TypeError(
                "'name' must be a string, such as 'mixed_bfloat16'. "
                f"Received: name={name} (of type {type(name)})"
            )
        self._name = {"float": floatx(), "int": "int32"}.get(name, name)
        if name not in _MIXED and self._name not in _DTYPES:
            raise ValueError(_no_policy(name))

    @property
    def name(self) -> str:
        """The name of the policy."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype that floating-point inputs and weights are cast to when the layer runs."""
        return self.name.removeprefix("mixed_")

    @property
    def variable_dtype(self) -> str:
        """The dtype that weights are created and trained in."""
        return "float32" if self.name.startswith("mixed_") else self.name

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """A policy from what `get_config` gave."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


def _no_policy(name: str) -> str:
    return (
        f"Cannot convert '{name}' to a mixed precision DTypePolicy. Valid policies are "
        f"{' and '.join(map(repr, _MIXED))} and the name of any dtype such as 'float32'."
    )


def dtype_policy() -> DTypePolicy:
    """The policy of new layers that are given no `dtype`: that of floatx, unless another was
    set.

    >>> config.dtype_policy()
    <DTypePolicy "float32">
    """
    return _policy or DTypePolicy(floatx())


def set_dtype_policy(policy: str | DTypePolicy) -> None:
    """Set the policy of new layers by name or object; `config.floatx()` is the usual one.

    `policy`: a name or a policy; ValueError for anything else.

    >>> config.set_dtype_policy("float32")
    """
    global _policy
    if not isinstance(policy, (str, DTypePolicy)):
        raise ValueError(
            "Invalid `policy` argument. Expected the string name of a policy (such as "
            "'mixed_bfloat16') or a `DTypePolicy` instance. "
            f"Received: policy={policy} (of type {type(policy)})"
        )
    _policy = DTypePolicy(policy) if isinstance(policy, str) else policy


def epsilon() -> float:
    """The fuzz factor that keeps divisions and logarithms finite; 1e-7 by default.

    >>> config.epsilon()
    1e-07
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the fuzz factor. Raises ValueError unless it is a number above zero.

    `value`: a number.

    >>> config.set_epsilon(1e-7)
    """
    global _epsilon
    number = float(value)
    if not 0.0 < number < float("inf"):
        raise ValueError(f"`epsilon` must be a finite number above zero. Received: {value!r}")
    _epsilon = number


def image_data_format() -> str:
    """Where images carry their channels: "channels_last" (default) or "channels_first".

    >>> config.image_data_format()
    'channels_last'
    """
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the image layout. Raises ValueError on any other name than the two layouts.

    `data_format`: one of the two.

    >>> config.set_image_data_format("channels_last")
    """
    global _image_data_format
    _image_data_format = _one_of("image_data_format", data_format, _LAYOUTS)


# switches -----------------------------------------------------------------------------------------

_switches = {"flash_attention": True, "traceback_filtering": True, "interactive_logging": True}


def enable_flash_attention() -> None:
    """Keras' switch of a kernel: remembered, and without effect, for the compiler chooses.

    >>> config.enable_flash_attention()
    """
    _switches["flash_attention"] = True


def disable_flash_attention() -> None:
    """The opposite of `enable_flash_attention`, as much without effect.

    >>> config.disable_flash_attention()
    """
    _switches["flash_attention"] = False


def is_flash_attention_enabled() -> bool:
    """What the two above have said last; True at first.

    >>> config.enable_flash_attention()
    >>> config.is_flash_attention_enabled()
    True
    """
    return _switches["flash_attention"]


def enable_traceback_filtering() -> None:
    """Keras' switch of what tracebacks show: remembered, and without effect, for nothing is hidden.

    >>> config.enable_traceback_filtering()
    """
    _switches["traceback_filtering"] = True


def disable_traceback_filtering() -> None:
    """The opposite of `enable_traceback_filtering`, as much without effect.

    >>> config.disable_traceback_filtering()
    """
    _switches["traceback_filtering"] = False


def is_traceback_filtering_enabled() -> bool:
    """What the two above have said last; True at first.

    >>> config.enable_traceback_filtering()
    >>> config.is_traceback_filtering_enabled()
    True
    """
    return _switches["traceback_filtering"]


def enable_interactive_logging() -> None:
    """Let `verbose="auto"` draw progress bars.

    >>> config.enable_interactive_logging()
    """
    _switches["interactive_logging"] = True


def disable_interactive_logging() -> None:
    """Let `verbose="auto"` write one line an epoch.

    >>> config.disable_interactive_logging()
    """
    _switches["interactive_logging"] = False


def is_interactive_logging_enabled() -> bool:
    """What the two above have said last; True at first.

    >>> config.enable_interactive_logging()
    >>> config.is_interactive_logging_enabled()
    True
    """
    return _switches["interactive_logging"]


_max_epochs: int | None = None
_max_steps_per_epoch: int | None = None


def max_epochs() -> int | None:
    """How many epochs `fit` makes at most; None, the default, for as many as it is told.

    >>> config.max_epochs()
    """
    return _max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Let `fit` make at most `max_epochs` epochs, as many as it is told if None; to try a script
    out. ValueError for numbers below 1.

    >>> config.set_max_epochs(None)
    """
    global _max_epochs
    _max_epochs = _limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """How many batches `fit`, `evaluate` and `predict` take at most in an epoch; None, the default,
    for as many as there are.

    >>> config.max_steps_per_epoch()
    """
    return _max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Let an epoch of `fit`, and `evaluate` and `predict`, take at most `max_steps_per_epoch`
    batches, as many as there are if None; to try a script out. ValueError for numbers below 1.

    >>> config.set_max_steps_per_epoch(None)
    """
    global _max_steps_per_epoch
    _max_steps_per_epoch = _limit("max_steps_per_epoch", max_steps_per_epoch)


def _limit(name: str, value: int | None) -> int | None:
    if value is not None and (not isinstance(value, int) or value < 1):
        raise ValueError(f"`{name}` must be a whole number from 1 on, or None. Received: {value}")
    return value


def backend() -> str:
    """The name of what computes.

    >>> config.backend()
    'fncompile'
    """
    return "fncompile"


def _one_of(what: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ValueError(f"Unknown `{what}` value: {value!r}. Expected one of {choices}.")
    return value

__all__ = [
    "DTypePolicy",
    "backend",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
]

explain_missing(__name__)
