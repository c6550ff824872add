"""The checkpoints that a library writes: the head of the file, and where each array comes from.

The file is what `model.save_weights` writes, so Python reads it back. Its head is made here,
blank but for the digest; the library fills in the digest and appends the arrays from its
context.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fncompile.export.api.library import Checkpoint, Piece
from fncompile.export.exported import ExportedModel
from fncompile.ir.types import DTYPES, TensorType, at_border
from fncompile.saving.hdf5_format import align
from fncompile.saving.hdf5_writer import plan
from fncompile.saving.saved import own_way
from fncompile.saving.state import store_training_state
from fncompile.saving.tree import Group, Stored
from fncompile.saving.weights_layout import own_variables, walk, weights_tree

MODEL_ATTRIBUTE = "fncompile_model"  # csrc/rt/fnc_checkpoint.h compares it


@dataclass
class Source:
    """Where the array of a dataset is: in a block, or nowhere but in the file (`fixed`)."""

    block: str
    offset: int
    type: TensorType


def sources(
    model: ExportedModel, memories: list[Any], optimizer: bool
) -> tuple[Group, dict[str, Source]]:
    """The tree of a model's weights file, and the place of every array in it that a block holds."""
    tree = weights_tree(model, copies=False)
    if not optimizer:
        tree.children.pop("optimizer", None)
    store_training_state(model, tree)
    found = {}
    for path, variable in _variables(model):
        place = _place(variable, memories)
        if path in tree and place is not None:
            found[path] = Source(*place, variable.type)
    return tree, found


def _variables(model: ExportedModel) -> Iterator[tuple[str, Any]]:
    """Path and variable of each dataset whose contents are those of a variable."""
    for path, item in walk(model):
        if own_way(item, "save_own_variables") is None:
            for i, variable in enumerate(own_variables(item)):
                yield f"{path}/vars/{i}".lstrip("/"), variable


def _place(variable: Any, memories: list[Any]) -> tuple[str, int] | None:
    for memory in memories:
        if variable in memory.names and memory.names[variable] in memory.block.offsets:
            return memory.block.name, memory.block.offsets[memory.names[variable]]
    return None


def make_checkpoint(
    tree: Group, known: Mapping[str, Source], hash: str, at: int
) -> tuple[Checkpoint, bytes]:
    """The checkpoint, and what the library has to carry for it: the head, then the fixed arrays.

    `at` is where these bytes will lie in the library's data.
    """
    tree.attrs[MODEL_ATTRIBUTE] = hash
    head, offsets = plan(_without_values(tree))
    carried, pieces, end = bytearray(head), [], len(head)
    for path, array in tree.datasets():
        source = known.get(path)
        if source is None:
            carried += bytes(align(len(carried)) - len(carried))
            source = Source("fixed", at + len(carried), _type_of(array))
            carried += np.ascontiguousarray(array).tobytes()
        start = offsets.get(path, 0)
        narrow = bool(DTYPES[source.type.dtype].outside)
        type = at_border(source.type)
        pieces.append(Piece(path, type, start, source.block, source.offset, narrow))
        end = max(end, start + array.nbytes)
    pieces.sort(key=lambda p: p.file_at)
    return Checkpoint(at, len(head), end, tuple(pieces)), bytes(carried)


def _without_values(tree: Group) -> Group:
    """The same tree with arrays that take no memory, since their values come later."""
    blank = Group(dict(tree.attrs))
    for name, child in tree.children.items():
        if isinstance(child, Group):
            blank.children[name] = _without_values(child)
        else:
            dtype = DTYPES[_type_of(child).dtype].border
            blank.children[name] = np.broadcast_to(dtype.type(0), child.shape)
    return blank


def _type_of(array: np.ndarray | Stored) -> TensorType:
    name = array.dtype.name
    if name not in DTYPES:
        raise ValueError(f"A library's checkpoint cannot hold an array of dtype {name}.")
    return TensorType(name, array.shape)
