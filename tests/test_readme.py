"""What the README says works: its library example, its commands' names, its map."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_library_example_trains_and_samples():
    (code,) = re.findall(r"```python\n(.+?)```", README, flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line and not line.startswith(("import", "from"))]) <= 10
    names = {}
    exec(code, names)
    assert names["drawn"].shape == (4, 16, 16, 3)
    assert names["drawn"].dtype == "float32"


def test_every_command_by_hand_exists():
    from diffusion.cli import cli as diffusion
    from studies.cli import cli as studies
    from triangles.cli import cli as triangles

    programs = {"triangles": triangles, "diffusion": diffusion, "studies": studies}
    typed = re.findall(r"^    (triangles|diffusion|studies) ([a-z-]+)(.*)$", README, flags=re.MULTILINE)
    assert len(typed) >= 8
    for program, command, rest in typed:
        options = {option for p in programs[program].commands[command].params for option in p.opts}
        assert set(re.findall(r"--[a-z-]+", rest.partition("#")[0])) <= options, (program, command)


def tracked():
    listed = subprocess.run(["git", "ls-files", "*/*.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [
        Path(name) for name in listed.stdout.split() if Path(name).parts[0] in ("triangles", "diffusion", "studies")
    ]


def mapped():
    """The modules of the README's map, by their indentation; a line may name several of one folder."""
    tree = README.partition("## The map")[2].partition("```\n")[2].partition("```")[0]
    folders, found = [], []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name = line.split()[0]
        if name.endswith("/"):
            folders = [*folders[:depth], name.rstrip("/")]
        else:
            found += [Path(*folders[:depth], one) for one in re.findall(r"(?<![\w/])(\w+\.py)\b", line) if depth]
    return found


@pytest.mark.skipif(not tracked(), reason="not a git checkout")
def test_the_map_is_the_tree():
    modules = {path for path in tracked() if path.name != "__init__.py"}
    assert modules - set(mapped()) == set(), "not in the map"
    assert {path for path in mapped() if path.parts[0] in ("triangles", "diffusion", "studies")} - modules == set()
