"""Which modules a module of this room is made of: Snakemake follows no imports, so the Snakefile asks here."""

import ast
from functools import cache
from pathlib import Path

__all__ = ["followed"]

ROOT = Path(__file__).parent.parent
ROOMS = ("triangles", "diffusion", "studies")


def followed(*names: str) -> list[Path]:
    """The files of the named modules of `studies` and of all modules of the three rooms that they import, in turn."""
    found, pending = set(), [f"studies.{name}" for name in names]
    while pending:
        name = pending.pop()
        if name not in found and _file(name).is_file():
            found.add(name)
            pending += _imported(_file(name))
    return sorted(map(_file, found))


def _file(name: str) -> Path:
    return ROOT.joinpath(*name.split(".")).with_suffix(".py")


@cache
def _imported(path: Path) -> tuple[str, ...]:
    """Names that may be modules: ROOM.X of `from ROOM.X import ...`, `from ROOM import X` and `import ROOM.X`."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module] if "." in node.module else [f"{node.module}.{one.name}" for one in node.names]
        elif isinstance(node, ast.Import):
            found += [one.name for one in node.names]
    return tuple(name for name in found if name.split(".")[0] in ROOMS)
