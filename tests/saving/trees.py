"""Trees to write and compare."""

from __future__ import annotations

import numpy as np

from fncompile.saving.tree import Group


def sample() -> Group:
    """A tree with every kind of value, small enough to mutate thousands of times."""
    tree = Group(
        {
            "model_config": "{}é",
            "n": 3,
            "x": 1.5,
            "flag": True,
            "empty text": "",
            "names": np.array([b"a", b"bcd"]),
            "texts": ["ü", "xyz"],
            "no names": np.zeros(0, "S4"),
        }
    )
    for name in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"):
        tree[f"types/{name}"] = np.array([[1, 0, 1]], name)
    tree["types/S"] = np.array([b"q", b"", b"rrr"])
    tree["scalar"] = np.array(-3, "i8")
    tree["empty/deep/er"] = np.zeros((0, 4), "f4")
    tree["layers/dense/vars"] = Group({"name": "dense"})
    tree["layers/dense/vars/0"] = np.random.default_rng(0).random((7, 11), "f4")
    tree["layers/dense/vars/1"] = np.arange(11, dtype="f4")
    tree["no children"] = Group()
    return tree


def assert_equal(a: Group, b: Group) -> None:
    """Same names in the same order, same dtypes, shapes and values, NaN equal to itself."""
    assert list(a.attrs) == list(b.attrs) and list(a.children) == list(b.children)
    for name, value in a.attrs.items():
        assert type(value) is type(b.attrs[name])
        np.testing.assert_array_equal(value, b.attrs[name], strict=isinstance(value, np.ndarray))
    for name, child in a.children.items():
        if isinstance(child, Group):
            assert_equal(child, b.children[name])
        else:
            np.testing.assert_array_equal(child, b.children[name], strict=True)
