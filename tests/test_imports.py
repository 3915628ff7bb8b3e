"""The rooms' doors: who may import whom, and what must stay quick to import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import diffusion
import studies
import triangles

ROOMS = {room.__name__: Path(room.__file__).parent for room in (triangles, diffusion, studies)}
ALLOWED = {"triangles": {"triangles"}, "diffusion": {"diffusion"}, "studies": set(ROOMS)}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or path.parent.name).partition(".")[0] if not node.level else path.parent.name


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_in_one_direction(room):
    sources = sorted(ROOMS[room].rglob("*.py"))
    assert len(sources) > 3
    wrong = {p.name: found for p in sources if (found := (set(imported(p)) & set(ROOMS)) - ALLOWED[room])}
    assert not wrong


# Sub-rooms and files of a room, from the ground up: each may import what stands before it, and its own.
ORDER = {
    "diffusion": (
        *(
            "store",
            "streams",
            "images",
            "devices",
            "accelerator",
            "schedules",
            "optimizers",
            "networks",
            "processes",
        ),
        *("targets", "samplers", "family", "settings", "denoising", "rivals", "training", "checkpoints"),
        *("saving", "results"),
        *("runs", "remaking", "commands", "cli", "__main__"),
    ),
    "triangles": (
        *("geometry", "pixels", "kinds", "exact", "fits", "settings", "imported", "rendering", "workers", "production"),
        *("stops", "storage", "datasets", "importing", "sheets", "checking", "cli", "__main__"),
    ),
    "studies": ("registries", "planning", "terminal", "measures", "verdicts", "report", "perfect", "cli", "__main__"),
}


def within(room, path):
    """The sub-rooms of its own room that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name.split(".")[1] for name in names if name.startswith(f"{room}."))


@pytest.mark.parametrize("room", ORDER)
def test_sub_rooms_import_in_one_direction(room):
    order, wrong = ORDER[room], {}
    for path in sorted(ROOMS[room].rglob("*.py")):
        here = path.relative_to(ROOMS[room]).with_suffix("").parts[0]
        if here not in ("__init__", "__main__"):
            late = {name for name in within(room, path) if name in order and order.index(name) > order.index(here)}
            wrong |= {str(path.relative_to(ROOMS[room])): late} if late else {}
    assert wrong == {}


def test_triangles_never_import_torch():
    assert not [p.name for p in ROOMS["triangles"].rglob("*.py") if "torch" in imported(p)]


HEAVY = {"torch", "pandas", "matplotlib", "scipy", "sklearn", "PIL", "skimage", "seaborn"}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("triangles.cli", {"torch", "numpy", "PIL", "scipy", "matplotlib"}),
        ("diffusion.cli", {"torch", "pandas", "matplotlib"}),
        ("studies.cli", {"torch", "pandas", "matplotlib", "sklearn"}),
        ("studies.planning.resolving", {"torch", "pandas", "matplotlib", "sklearn"}),
        ("studies.registries; [*studies.registries.FIGURES.values(), *studies.registries.TABLES.values()]", HEAVY),
    ],
)
def test_what_starts_often_imports_nothing_heavy(module, heavy):
    code = f"import sys, {module}; print(*{heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert found == []


def test_sampling_does_not_load_the_compiler(tiny):
    """It takes longer to load than torch: building the network without memory, to look at a file, needs none of it."""
    words = ["sample", "run", "--count", "1", "--steps", "1", "--name", "one"]
    code = f"import sys; from diffusion.cli import cli; cli.main({words}, standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tiny, capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    assert "torch" in modules
    assert "torch._dynamo" not in modules
