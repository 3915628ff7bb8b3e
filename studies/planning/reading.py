"""Read studies and scales from YAML, checked; every refusal names file, key, value and what is allowed."""

import re
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from diffusion.settings import explain
from diffusion.store.console import printable
from diffusion.store.opening import read_whole
from studies.planning.study import Scales, Study

__all__ = ["SCALES", "find", "read_scales", "read_study", "read_yaml", "validated"]

SCALES = Path(str(files("studies"))) / "scales.yaml"
Kind = TypeVar("Kind", bound=BaseModel)


class _Plain(yaml.SafeLoader):
    """The safe loader without aliases: a few hundred bytes of them can stand for more than any memory holds."""

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not used here: write the value out")
        if getattr(event, "tag", None) not in (None, "!"):
            raise yaml.YAMLError(f"tags such as {event.tag.replace(CORE, '!!')} are not used here: write the value out")
        return super().compose_node(parent, index)

    def compose_scalar_node(self, anchor):
        """Refuse numbers that YAML reads otherwise than people do: 010 as 8, 1:30 as 90, 1_0 as 10, 1e-400 as 0."""
        node = super().compose_scalar_node(anchor)
        if node.tag.removeprefix(CORE) in ("int", "float"):
            if not NUMBER.fullmatch(node.value):
                raise yaml.YAMLError(
                    f"{node.value!r} is no plain decimal number: write it out, or in quotes if it is a name"
                )
            if not _is_kept(node.value):
                raise yaml.YAMLError(f"{node.value} is beyond the numbers that a computer keeps")
        return node

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        told = [str(key) for key in keys]  # 1 and "1" name one thing, and 1 and 1.0 are one key
        if repeated := [key for i, key in enumerate(keys) if key in keys[:i] or told[i] in told[:i]]:
            where = f"line {node.start_mark.line + 1}"
            raise yaml.YAMLError(f"key {repeated[0]!r} is there twice, in the mapping that starts in {where}")
        return super().construct_mapping(node, deep)


def _is_kept(number: str) -> bool:
    """Return whether a number that is written out stays finite, and other than 0 if it was."""
    if number.lower().endswith(("inf", "nan")):
        return True
    zero = not set(number.lower().partition("e")[0]) & set("123456789")
    return isfinite(float(number)) and (zero or float(number) != 0)


def _is_a_word(tag: str, first: str) -> bool:
    return tag.endswith(":timestamp") or (tag.endswith(":bool") and first not in "tTfF")


CORE = "tag:yaml.org,2002:"
DECIMAL = r"[-+]?(0|[1-9]\d*|(0|[1-9]\d*)?\.\d*)([eE][-+]?\d+)?"
NUMBER = re.compile(rf"{DECIMAL}|[-+]?\.(inf|nan)", re.IGNORECASE | re.ASCII)
# What YAML 1.1 takes for truth values and dates are words here, but for true and false: `yes`, `on`, days may be names.
_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if not _is_a_word(tag, first)]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# and 1e-3 and 1.0e3 are numbers, which YAML 1.1 wants as 1.0e-3 and 1.0e+3
POWER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$", re.ASCII)
_Plain.add_implicit_resolver(f"{CORE}float", POWER, list("-+.0123456789"))


def read_yaml(path: Path) -> dict:
    """Read a YAML mapping by the safe loader.

    Raises:
        ValueError: not YAML, or not a mapping.
        OSError: missing or unreadable.
    """
    try:
        content = yaml.load(read_whole(path).decode("utf-8"), _Plain)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a mapping of settings, not {type(content).__name__}")
    _check_text(content, str(path))
    return content


def _check_text(content, where: str) -> None:
    """Refuse control characters in any text, which terminals and spreadsheets may obey; ValueError names the key."""
    if isinstance(content, dict):
        for key, value in content.items():
            _check_text(str(key), where)
            _check_text(value, f"{where}: {printable(str(key))}")
    elif isinstance(content, list):
        for value in content:
            _check_text(value, where)
    elif isinstance(content, str) and printable(content) != content:
        raise ValueError(f"{where}: {printable(content)[:80]!r} has control characters: write it without them")


def validated(kind: type[Kind], content: dict, where: str) -> Kind:
    """Return `content` as settings of the given kind; ValueError with file, key, value and what is allowed."""
    for name, value in content.items():
        if (
            isinstance(value, bool)
            and name in kind.model_fields
            and not _may_be_true(kind.model_fields[name].annotation)
        ):
            raise ValueError(f"{where}: {name} = {str(value).lower()}: give a number or a word, not a truth value")
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{where}: {explain(error)}") from None


def _may_be_true(annotation) -> bool:
    return annotation is bool or annotation is Any or bool in get_args(annotation)


def find(name: str) -> Path:
    """Find the file of a study: a name from this package, or a path to a YAML file.

    Raises:
        ValueError: neither.
    """
    inside = Path(str(files("studies"))) / f"{name}.yaml"
    if "/" not in name and inside.is_file() and name != "scales":
        return inside
    if name.endswith((".yaml", ".yml")) and Path(name).is_file():
        return Path(name)
    known = sorted(p.stem for p in SCALES.parent.glob("*.yaml") if p.stem != "scales")
    raise ValueError(f"unknown study {name!r}: choose from {', '.join(known)}, or give the path of a YAML file")


def read_study(name: str) -> Study:
    path = find(name)
    return validated(Study, read_yaml(path), path.name)


def read_scales(path: Path | None = None) -> Scales:
    path = path or SCALES
    return validated(Scales, read_yaml(path), path.name)
