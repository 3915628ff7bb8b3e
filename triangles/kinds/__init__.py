"""Kinds of pictures by name. A new kind is one module here, or in a plugin, and one line in `KINDS`.

This package's door imports nothing heavy: a kind is imported when it is first asked for.
"""

from collections.abc import Mapping
from importlib import import_module

__all__ = ["KINDS", "Registry", "UnknownNameError", "load_plugins"]


class UnknownNameError(KeyError, ValueError):
    """A name that no kind has; its text lists the names there are."""

    def __str__(self):
        return self.args[0]


class Registry(Mapping):
    """Members by name. A member is an object, or the text `module:attribute` of one, imported when first asked for.

    Args:
        what: what a member is, in words for messages.
        members: name -> member.
    """

    def __init__(self, what, members):
        self.what, self._members = what, dict(members)

    def add(self, name, member):
        """Register a member under a name; raise ValueError if another member has that name."""
        if self._members.get(name, member) != member:
            raise ValueError(f"{self.what} {name!r} is registered already: choose another name")
        self._members[name] = member

    def module(self, name):
        """Return the name of the module that defines a member; a member given as text is not imported for it."""
        member = self._given(name)
        if isinstance(member, str):
            return member.partition(":")[0]
        return getattr(member, "__module__", None) or type(member).__module__

    def __getitem__(self, name):
        member = self._given(name)
        if isinstance(member, str):
            module, _, attribute = member.partition(":")
            return getattr(import_module(module), attribute)
        return member

    def __contains__(self, name):
        return name in self._members

    def __iter__(self):
        return iter(self._members)

    def __len__(self):
        return len(self._members)

    def _given(self, name):
        if name not in self._members:
            raise UnknownNameError(f"unknown {self.what} {name!r}: choose from {', '.join(self._members)}")
        return self._members[name]


KINDS = Registry(
    "kind of picture",
    {
        "triangle": "triangles.kinds.triangle:TRIANGLE",
        "quadrilateral": "triangles.kinds.quadrilateral:QUADRILATERAL",
        "ellipse": "triangles.kinds.ellipse:ELLIPSE",
        "coloured-triangle": "triangles.kinds.coloured:COLOURED_TRIANGLE",
        "coloured-triangle-on-colour": "triangles.kinds.coloured:COLOURED_TRIANGLE_ON_COLOUR",
        "images": "triangles.kinds.images:IMAGES",
    },
)


def load_plugins(modules):
    """Import modules that register kinds of their own; the working directory is searched last.

    Raises:
        ValueError: a module cannot be imported.
    """
    import os
    import sys

    if modules and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    for name in modules:
        try:
            import_module(name)
        except ImportError as error:
            raise ValueError(f"plugin {name!r} cannot be imported ({error}): check its name, or PYTHONPATH") from None
