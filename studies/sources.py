"""Which modules of this room a module is made of: Snakemake follows no imports, so the Snakefile asks here."""

import ast
from pathlib import Path

__all__ = ["followed"]

HERE = Path(__file__).parent


def followed(*names: str) -> list[Path]:
    """The files of the named modules of `studies` and of all modules of `studies` that they import, in turn."""
    found, pending = {}, list(names)
    while pending:
        path = HERE / f"{pending.pop()}.py"
        if path not in found and path.is_file():
            found[path] = True
            pending += _imported(ast.parse(path.read_text(encoding="utf-8")))
    return sorted(found)


def _imported(tree: ast.Module) -> list[str]:
    """Names that may be modules of `studies`: X of `from studies.X import ...` and of `from studies import X`."""
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    direct = [alias.name for node in froms if node.module == "studies" for alias in node.names]
    return direct + [node.module.split(".")[1] for node in froms if node.module.startswith("studies.")]
