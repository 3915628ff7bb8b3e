"""A result tree of the thesis's study at the smallest scale, whole or with one cell away."""

import pytest
from drawn import LOST
from fake_results import make_results

from studies.planning.resolving import make_plan


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The plan, with every result but the models there."""
    plan = make_plan("thesis", "smoke", tmp_path_factory.mktemp("results"))
    make_results(plan, measured=True)
    return plan


@pytest.fixture
def with_a_hole(made):
    """The plan, while the files of the run `LOST` are away."""
    folder = made.run(LOST).folder
    folder.rename(folder.with_name("away"))
    folder.mkdir()
    yield made
    folder.rmdir()
    folder.with_name("away").rename(folder)
