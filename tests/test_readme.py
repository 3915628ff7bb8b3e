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


@pytest.mark.skipif(not tracked(), reason="not a git checkout")
def test_the_map_names_every_module():
    the_map = README.partition("## The map")[2].partition("**A schedule**")[0]
    families = [prefix.rstrip("*") for prefix in re.findall(r"\w+_\*", the_map)]
    missing = [str(p) for p in tracked() if p.name != "__init__.py" and p.name not in the_map]
    assert not [name for name in missing if not any(Path(name).name.startswith(f) for f in families)]
