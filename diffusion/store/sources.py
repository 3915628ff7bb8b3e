"""Which source files a module is made of: found by following imports, so that no list is kept by hand."""

import ast
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["digest", "followed"]


def followed(*modules: str, without: tuple[str, ...] = ()) -> list[Path]:
    """Return the files of the named modules and of all that they import, in turn, from the same packages.

    A package is followed if one of `modules` lies in it, or a module of this project does. Imports inside functions
    count. A package's `__init__.py` holds names and no code that shapes a result, so it is left out, and so are
    `without`, modules or packages that are not followed.

    Raises:
        ValueError: a module has no source file.
    """
    rooms = {name.partition(".")[0] for name in (*modules, *ROOMS)}
    found, pending = {}, list(modules)
    for name in modules:
        if _file(name) is None:
            raise ValueError(f"module {name!r} has no source file: check its name")
    while pending:
        name = pending.pop()
        path = _file(name) if name not in found else None
        if path is not None and path.name != "__init__.py":
            found[name] = path
            imported = _imported(path, path.stat().st_mtime_ns)
            pending += [one for one in imported if one.partition(".")[0] in rooms and not _lies_in(one, without)]
    return sorted(set(found.values()))


ROOMS = ("triangles", "diffusion", "studies")


def _lies_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def digest(*modules: str, without: tuple[str, ...] = ()) -> str:
    """Return the sha256 over the contents of what is `followed`, in the order of the modules' names."""
    total = hashlib.sha256()
    for path in followed(*modules, without=without):
        total.update(path.read_bytes())
    return total.hexdigest()


def _file(module: str) -> Path | None:
    """Return the source file of a module, which is not imported for it; None where there is none."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    if not rest:
        return Path(spec.origin)
    path = Path(spec.origin).parent.joinpath(*rest)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _imported(path: Path, changed: int) -> tuple[str, ...]:
    """Return names that may be modules: A.B of `from A.B import C`, A.B.C too, and `import A.B`.

    changed: when the file was, so that the cache forgets what it read before.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
        elif isinstance(node, ast.Import):
            found += [one.name for one in node.names]
    return tuple(found)
