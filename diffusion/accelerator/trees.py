"""Tensors inside dataclasses, dicts, lists and tuples, treated alike wherever they lie."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from torch import Tensor

__all__ = ["layout", "mapped"]


def mapped(function: Callable[..., Any], *trees: Any) -> Any:
    """Apply a function to the tensors that lie at the same place of equally built trees; the rest is the first tree's.

    A tree is a tensor, or a dataclass, dict, list or tuple of trees; anything else is a leaf without tensors.
    """
    first = trees[0]
    if isinstance(first, Tensor):
        return function(*trees)
    if is_dataclass(first) and not isinstance(first, type):
        names = [one.name for one in fields(first) if one.init]
        return replace(first, **{name: mapped(function, *(getattr(tree, name) for tree in trees)) for name in names})
    if isinstance(first, dict):
        return {key: mapped(function, *(tree[key] for tree in trees)) for key in first}
    if type(first) in (list, tuple):
        return type(first)(mapped(function, *parts) for parts in zip(*trees, strict=True))
    return first


def layout(tree: Any) -> tuple:
    """Return what trees share whose tensors can be copied into each other's: shapes, types, and other leaves."""
    found = []
    rest = mapped(lambda tensor: found.append((tuple(tensor.shape), tensor.dtype)), tree)
    return tuple(found), repr(rest)
