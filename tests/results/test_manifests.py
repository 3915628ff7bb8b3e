"""The commands that committed manifests give: they work in any clone, not only where the evidence was made."""

import json

import pytest

from tests.results.committed import REFERENCE

MANIFESTS = sorted(REFERENCE.rglob("manifest.json"))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.parent.relative_to(REFERENCE)))
def test_commands_name_no_folder_of_one_machine(path):
    told = json.loads(path.read_text())
    commands = [told["remade by"], *(one["made by"] for one in told.get("missing", []) if "made by" in one)]
    assert not [
        command for command in commands if any("=/" in word or word.startswith("/") for word in command.split())
    ]
