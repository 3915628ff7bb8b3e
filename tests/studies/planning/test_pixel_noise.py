"""The pixels' noise of a VAE is another way to sample it; what does nothing to a family is no other way."""

import re

import pytest
import yaml

from studies.planning.resolving import make_plan


def planned(folder, **changes):
    models = {"vae": {"epochs": 1}, "gan": {"epochs": 1}}
    content = {"title": "t", "question": "q", "data": {"array": {}}, "models": models, "tables": ["cells"]} | changes
    (folder / "mine.yaml").write_text(yaml.safe_dump(content))
    return make_plan(str(folder / "mine.yaml"), "laptop", folder)


def test_a_vae_is_sampled_once_more_with_its_pixels_noise(tmp_path):
    ways = {"noisy": {"sampling": {"pixel_noise": True}, "cells": {"model": ["vae"]}}}
    ways["more"] = {"sampling": {"count": 3000}, "cells": {"model": ["gan"]}}
    ways = planned(tmp_path, resampled=ways).resampled
    (noisy, more) = (next(one for one in ways if one.name == name) for name in ("noisy", "more"))
    assert (noisy.run.model, noisy.name) == ("vae", "noisy")
    assert "--pixel-noise" in noisy.flags
    assert (more.run.model, "--count 3000" in more.flags) == ("gan", True)
    assert "pixel-noise" not in more.flags + noisy.run.sampling_flags


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resampled": {"other": {"sampling": {"steps": 5}}}}, "resampled.other: family 'gan' of gan has no path"),
        (
            {"resampled": {"other": {"sampling": {"pixel_noise": True}, "noised": True, "cells": {"model": ["vae"]}}}},
            "resampled.other: family 'vae' of vae has no path",
        ),
        ({"sampling": {"pixel_noise": True}}, "sampling: pixel_noise is of a VAE alone, and of no gan"),
        ({"models": {"linear": {"sampling": {"pixel_noise": False}}}}, "of no diffusion: leave it out there"),
    ],
)
def test_what_does_nothing_to_a_family_is_refused(tmp_path, changes, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        planned(tmp_path, **changes)
