"""What one study's plugins bring is not put to another's runs that are planned in the same process."""

import sys

import pytest

from diffusion.store.registry import Registry, load_plugins
from studies.planning.resolving import make_plan
from studies.registries import RULERS

OURS = {"families": {"speed"}, "screening": {"speed"}, "exact": {"member", "distance"}}


def rulers(name: str) -> tuple[str, ...]:
    plan = make_plan(name, "smoke")
    (found,) = {one.rulers for one in plan.datasets}
    modules = {module for one in plan.datasets for module in one.measuring_modules}
    assert {RULERS.module(name) for name in found} == {one for one in modules if ".rulers." in one or "perfect." in one}
    return found


def test_each_study_is_measured_by_its_own_rulers_in_whatever_order_they_are_planned():
    standing = set(rulers("thesis"))
    for name in (*OURS, "thesis", *reversed(OURS), "thesis"):
        assert set(rulers(name)) - standing == OURS.get(name, set()), name


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A registry to which module `inner` adds a member when it is imported, and `outer`, which imports it, another."""
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("sort", {"first": 0})
    monkeypatch.setattr(sys.modules[Registry.__module__], "OF_THE_TEST", registry, raising=False)
    add = "from diffusion.store.registry import OF_THE_TEST\nOF_THE_TEST.add('{0}', '{0}')\n"
    (tmp_path / "inner_plugin.py").write_text(add.format("in"))
    (tmp_path / "outer_plugin.py").write_text("import inner_plugin\n" + add.format("out"))
    yield registry
    for name in ("inner_plugin", "outer_plugin"):
        sys.modules.pop(name, None)


def test_a_member_is_there_for_the_plugins_by_which_it_came(lab):
    load_plugins(["outer_plugin"])
    load_plugins(["inner_plugin"])
    assert lab.names(()) == ("first",)
    assert lab.names(("inner_plugin",)) == ("first", "in")
    assert lab.names(("outer_plugin",)) == ("first", "in", "out") == tuple(lab)


def test_a_member_added_by_hand_is_there_for_all(lab):
    exec("registry.add('mine', 1)", {"__name__": "__main__", "registry": lab})
    assert lab.names(()) == ("first", "mine")
