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


def test_triangles_never_import_torch():
    assert not [p.name for p in ROOMS["triangles"].rglob("*.py") if "torch" in imported(p)]


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("triangles.cli", {"torch", "numpy", "PIL", "scipy", "matplotlib"}),
        ("diffusion.cli", {"torch", "pandas", "matplotlib"}),
        ("studies.cli", {"torch", "pandas", "matplotlib", "sklearn"}),
        ("studies.planning.resolving", {"torch", "pandas", "matplotlib", "sklearn"}),
        ("studies.report.catalogue", {"torch", "pandas", "matplotlib", "sklearn"}),
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
