"""Arguments that layers of images and sequences share, checked and brought into one form."""

from __future__ import annotations

import operator
from typing import Any

from fncompile.config import image_data_format

_FORMATS = ("channels_first", "channels_last")


def checked_data_format(value: str | None) -> str:
    """`value`, or that of the configuration for None; ValueError unless it is one of the two."""
    found = image_data_format() if value is None else str(value).lower()
    if found not in _FORMATS:
        raise ValueError(
            "The `data_format` argument must be one of {'channels_first', 'channels_last'}. "
            f"Received: data_format={value}"
        )
    return found


def checked_padding(value: Any, allowed: tuple[str, ...] = ("same", "valid")) -> str:
    """`value` in lower case; ValueError unless it is one of `allowed`."""
    found = value.lower() if isinstance(value, str) else value
    if found not in allowed:
        choices = ", ".join(map(repr, allowed))
        raise ValueError(
            f"The `padding` argument must be one of {{{choices}}}. Received: {value}"
        )
    return found


def int_tuple(value: Any, count: int, name: str, allow_zero: bool = False) -> tuple[int, ...]:
    """`count` whole numbers: `value` itself, or the one number `value` for all of them."""
    one = not isinstance(value, (list, tuple)) and not hasattr(value, "__iter__")
    many = (value,) * count if one else value
    received = f"The `{name}` argument must be a tuple of {count} integers. Received {name}={value}"
    if isinstance(many, str) or len(many) != count:
        raise ValueError(received)
    out = []
    for element in many:
        try:
            out.append(operator.index(element))
        except TypeError:
            kind = f" including element {element} of type {type(element)}"
            raise ValueError(received + ("" if one else kind)) from None
    least = 0 if allow_zero else 1
    if any(n < least for n in out):
        wrong = {n for n in out if n < least}
        sign = ">= 0" if allow_zero else "> 0"
        raise ValueError(f"{received}, including values {wrong} that do not satisfy `value {sign}`")
    return tuple(out)


_ORDINALS = ("1st", "2nd", "3rd")


def edge_pairs(value: Any, rank: int, name: str) -> tuple[tuple[int, int], ...]:
    """(before, after) for each of `rank` spatial axes, from one number for all, one for each axis,
    or a pair for each axis. `name`: of the argument, for the message."""
    if rank == 1:
        return (int_tuple(value, 2, name, allow_zero=True),)  # type: ignore[return-value]
    if isinstance(value, int) and value < 0:
        raise ValueError(f"`{name}` cannot be negative. Received: {name}={value}.")
    per_axis = (value,) * rank if isinstance(value, int) else value
    if not hasattr(per_axis, "__len__"):
        raise ValueError(
            f"`{name}` should be either an int, a tuple of {rank} ints, one for both ends of each "
            f"axis, or a tuple of {rank} tuples of 2 ints, one for each end. "
            f"Received: {name}={value}."
        )
    if len(per_axis) != rank:
        count = "two" if rank == 2 else rank
        raise ValueError(f"`{name}` should have {count} elements. Received: {name}={value}.")
    return tuple(
        int_tuple(edges, 2, f"{nth} entry of {name}", allow_zero=True)  # type: ignore[misc]
        for nth, edges in zip(_ORDINALS, per_axis)
    )
