"""Registries: members of one kind by name, imported only when they are first asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

__all__ = ["Registry", "UnknownNameError", "load_plugins", "resolve"]


class UnknownNameError(KeyError, ValueError):
    """A name that no member has; its text says which names there are."""

    def __str__(self) -> str:
        return self.args[0]


def resolve(member: Any) -> Any:
    """Import what the text `module:attribute` names; return anything else as it is."""
    if not isinstance(member, str):
        return member
    module, _, attribute = member.partition(":")
    return getattr(import_module(module), attribute)


class Registry(Mapping[str, Any]):
    """Named members of one kind.

    A member is an object, or the text `module:attribute` of one, which is imported when it is first asked for: to list
    names imports nothing.

    Args:
        what: the kind in words, for messages.
        members: name -> member.
    """

    def __init__(self, what: str, members: Mapping[str, Any]):
        self.what, self._members = what, dict(members)

    def add(self, name: str, member: Any) -> None:
        """Register a member; a plugin calls this when it is imported.

        Raises:
            ValueError: another member has that name.
        """
        if self._members.get(name, member) != member:
            raise ValueError(f"{self.what} {name!r} is registered already: choose another name")
        self._members[name] = member

    def module(self, name: str) -> str:
        """Return the name of the module that defines a member, without importing it where it is given as text."""
        member = self._given(name)
        if isinstance(member, str):
            return member.partition(":")[0]
        return getattr(member, "__module__", None) or type(member).__module__

    def __getitem__(self, name: str) -> Any:
        return resolve(self._given(name))

    __hash__ = object.__hash__  # a registry is one of its kind, whatever its members

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def _given(self, name: str) -> Any:
        if name not in self._members:
            mend = f"choose from {', '.join(self._members)}, or name the plugin that has it"
            raise UnknownNameError(f"unknown {self.what} {name!r}: {mend}")
        return self._members[name]


def load_plugins(modules: tuple[str, ...] | list[str]) -> None:
    """Import modules that register members of their own; the working directory is searched last.

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
