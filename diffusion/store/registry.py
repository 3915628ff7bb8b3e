"""Registries: members of one kind by name, imported only when they are first asked for."""

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

__all__ = ["Registry", "UnknownNameError", "load_plugins", "resolve"]

LOADING: list[str] = []  # the plugins that are being imported


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
        self._brought_by: dict[str, set[str]] = {}

    def add(self, name: str, member: Any) -> None:
        """Register a member; a plugin calls this when it is imported.

        Raises:
            ValueError: another member has that name.
        """
        if self._members.get(name, member) != member:
            raise ValueError(f"{self.what} {name!r} is registered already: choose another name")
        self._members[name] = member
        self._brought_by.setdefault(name, set()).update([sys._getframe(1).f_globals["__name__"], *LOADING])

    def names(self, plugins: tuple[str, ...]) -> tuple[str, ...]:
        """List the members there are for one who asked for these plugins: a process may have imported others' too.

        They are the first ones, those that a plugin brought, and those that a program or notebook added itself.
        """
        welcome = {"__main__", *plugins}
        return tuple(name for name in self if name not in self._brought_by or self._brought_by[name] & welcome)

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

    if modules and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    for name in modules:
        LOADING.append(name)
        try:
            import_module(name)
        except ImportError as error:
            raise ValueError(f"plugin {name!r} cannot be imported ({error}): check its name, or PYTHONPATH") from None
        finally:
            LOADING.remove(name)
