"""Sources found by following imports: all that a module is made of, and nothing else."""

import sys

import pytest

from diffusion.store.sources import digest, followed

FILES = {
    "mine/__init__.py": "from mine import unused",
    "mine/top.py": "from mine.middle import work\n\ndef late():\n    import mine.late\n",
    "mine/middle.py": "import numpy\nfrom mine import ground\n\ndef work():\n    return ground\n",
    "mine/ground.py": "LEVEL = 0\n",
    "mine/late.py": "from diffusion.store.names import check_name\n",
    "mine/unused.py": "",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "mine"
    sys.modules.pop("mine", None)


def test_imports_are_followed_into_functions_and_into_the_projects_rooms(package):
    found = {path.name for path in followed("mine.top")}
    assert found == {"top.py", "middle.py", "ground.py", "late.py", "names.py"}
    assert "mine.top" not in sys.modules  # followed, and not imported


def test_a_digest_changes_with_what_is_followed_and_with_nothing_else(package):
    before = digest("mine.top")
    (package / "unused.py").write_text("changed = True\n")
    assert digest("mine.top") == before
    (package / "ground.py").write_text("LEVEL = 1\n")
    assert digest("mine.top") != before


def test_a_module_without_a_source_is_refused():
    with pytest.raises(ValueError, match="no_such_module"):
        followed("no_such_module")
