"""A study at a scale: the grid it resolves to, names that are settings, and refusals before any job starts."""

import shlex

import numpy as np
import pytest
import yaml

from diffusion.schedules import SCHEDULES
from diffusion.store.console import settings_from, settings_options
from studies.planning.reading import SCALES, find, read_scales
from studies.planning.resolving import make_plan, plan_from_config
from studies.report.commands import describe_plan

THESIS = yaml.safe_load(find("thesis").read_text())


ALONE = {"figures": [], "tables": [], "claims": [], "extended": None, "resampled": {}}  # for studies of other cells


def written(tmp_path, **changes):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(THESIS | changes, sort_keys=False))
    return str(path)


@pytest.mark.parametrize("study", ["longer", "renormed"])
def test_the_other_studies_can_be_planned_and_share_what_is_the_same(study):
    """Runs of one name are made by the same commands, whichever study asks first."""
    for scale in read_scales().scales:
        ours, theirs = make_plan(study, scale), {run.name: run for run in make_plan(scale=scale).runs}
        for run in [run for run in ours.runs if run.name in theirs]:
            known = theirs[run.name]
            assert (run.training_flags, run.sampling_flags) == (known.training_flags, known.sampling_flags)
            assert run.dataset.command == known.dataset.command
    assert study == "longer" or ours.runs[0].name in theirs


@pytest.mark.parametrize("scale", read_scales().scales)
def test_every_scale_has_the_fifteen_cells_and_the_longer_run(scale):
    plan = make_plan(scale=scale)
    cells = {(run.data, run.model) for run in plan.grid}
    schedules = ("linear", "wave", "power-1.5", "power-2", "power-10")
    assert cells == {(p, s) for p in ("low", "high", "array") for s in schedules}
    assert len(plan.grid) == 15 * len(plan.scale.seeds)
    (longer,) = plan.extended
    assert longer.training.epochs == round(1.9 * longer.base.training.epochs)
    assert len({run.name for run in plan.runs}) == len(plan.runs)


def test_the_thesis_scale_is_the_thesis():
    training = make_plan(scale="thesis").cell("array", "linear").training
    assert training.widths == (64, 128, 256, 512, 1024)
    assert (training.epochs, training.timesteps, training.beta_min, training.beta_max) == (100, 1000, 1e-4, 0.02)
    assert (training.target, training.optimizer, training.time_draw) == ("eps", "adam", "uniform")
    assert not training.full_skip
    assert make_plan(scale="thesis").extended[0].training.epochs == 190


def test_a_schedule_alone_tells_the_cells_of_a_row_apart():
    for one, other in zip(make_plan().grid[:4], make_plan().grid[1:5], strict=True):
        a, b = one.training.model_dump(), other.training.model_dump()
        assert {key for key in a if a[key] != b[key]} == {"schedule"}
        assert one.dataset == other.dataset


def test_the_commands_give_back_the_settings():
    """`diffusion train` with a run's flags resolves to exactly the run's settings."""
    import click

    for run in make_plan(scale="smoke").runs:
        kind = type(run.training)
        command = click.Command("train", params=settings_options(kind), callback=lambda **given: given)
        given = command.main(shlex.split(run.training_flags), standalone_mode=False)
        assert settings_from(kind, given) == run.training


def test_studies_share_runs_and_other_settings_make_other_names(tmp_path):
    more = written(tmp_path, models={name: {"schedule": name} for name in SCHEDULES})
    assert {run.name for run in make_plan().grid} < {run.name for run in make_plan(more).grid}
    other = make_plan(written(tmp_path, training=THESIS["training"] | {"timesteps": 300}))
    assert other.grid[0].name == "low-linear-seed0-timesteps300"
    assert other.output.name == "mine"
    png = make_plan(written(tmp_path, data=THESIS["data"] | {"low": {"format": "png", "quality": None}}))
    assert png.grid[0].name == "low-linear-seed0-formatpng-qualityNone"


def test_a_models_name_stands_for_the_schedule_of_that_name_and_for_nothing_else(tmp_path):
    """Two studies may call different settings by one name: their runs must not share a folder."""
    models = {"mine": {"schedule": "linear"}, "linear": {"schedule": "cosine"}, "wave": {}}
    models["slow"] = {"schedule": "wave", "learning_rate": 1e-4}
    models["cosine"] = {"family": "diffusion"}
    plan = make_plan(written(tmp_path, **ALONE, models=models))
    runs = {run.model: run for run in plan.grid if run.data == "array"}
    assert {name: run.name for name, run in runs.items()} == {
        "mine": "array-mine-seed0",
        "linear": "array-linear-seed0-schedulecosine",
        "wave": "array-wave-seed0",
        "slow": "array-slow-seed0-schedulewave-learning_rate0.0001",
        "cosine": "array-cosine-seed0",
    }
    assert {name: run.training.schedule for name, run in runs.items()} == {
        "mine": "linear", "linear": "cosine", "wave": "wave", "slow": "wave", "cosine": "cosine"
    }  # fmt: skip


def test_a_grid_may_be_a_list_of_pairs_and_a_model_may_have_samplings_of_its_own(tmp_path):
    models = {
        "linear": {},
        "quick": {"schedule": "linear", "sampling": {"sampler": "ddim", "variance": None, "steps": 10}},
    }
    plan = make_plan(written(tmp_path, **ALONE, models=models, grid=[["low", "linear"], ["array", "quick"]]))
    assert [(run.data, run.model) for run in plan.grid] == [("low", "linear"), ("array", "quick")]
    assert (plan.data_names, plan.model_names) == (("low", "array"), ("linear", "quick"))
    assert "--sampler ddim --steps 10" in plan.grid[1].sampling_flags
    assert plan.grid[1].name.endswith("-sampling_samplerddim-sampling_varianceNone-sampling_steps10")


def test_a_model_may_name_a_recipe_that_wins_over_the_scales_own(tmp_path):
    models = {"linear": {}, "wave": {"recipe": "thesis", "batch_size": 8}}
    plan = make_plan(written(tmp_path, models=models, **ALONE), "smoke")
    ours, other = (plan.cell("array", name).training for name in models)
    assert (ours.target, ours.optimizer, ours.ema) == ("bernoulli", "muon", 0.9)
    assert (other.target, other.optimizer, other.ema, other.batch_size) == ("eps", "adam", 0, 8)
    assert (other.epochs, other.widths) == (ours.epochs, ours.widths)
    with pytest.raises(ValueError, match=r"models\.wave: unknown recipe 'slow': choose from thesis, fast"):
        make_plan(written(tmp_path, models={"wave": {"recipe": "slow"}}, **ALONE), "smoke")


def test_labels_and_colours_are_the_studys_own_or_made(tmp_path):
    models = {"linear": {"label": "straight", "colour": "#0072b2"}, "wave": {}, "cosine": {}}
    plan = make_plan(written(tmp_path, **ALONE, models=models))
    assert [plan.label(name) for name in models] == ["straight", "wave", "cosine"]
    colours = [plan.colour(name) for name in models]
    assert colours[0] == "#0072b2"
    assert len(set(colours)) == 3
    assert [make_plan().label(name) for name in ("low", "high", "array")] == ["low resolution", "720 px", "array"]
    told = make_plan().told
    assert told["high-linear-seed0"] == "linear on 720 px, seed 0"
    assert told["high-linear-seed0-epochs15"] == "linear on 720 px, seed 0, 15 epochs"
    assert (told["high-seed0"], told["reverse-high"]) == ("720 px, seed 0", "reverse, 720 px")


def test_other_samples_of_the_same_models_are_other_runs(tmp_path):
    """Else two studies would overwrite each other's samples, and each judge its claims by the other's."""
    more = make_plan(written(tmp_path, sampling={"count": 1000}))
    assert more.grid[0].name == "low-linear-seed0-sampling_count1000"
    same = make_plan(written(tmp_path, sampling={}))  # the thesis's file says in full what is meant without
    assert [run.name for run in same.grid] == [run.name for run in make_plan().grid]


COMPARED = {"id": "one", "claim": "a", "source": "b", "kind": "difference", "measure": "ink", "smallest": 1, "why": "c"}
SIDES = {"plus": [{"model": ["linear"]}], "minus": [{"model": ["wave"]}]}
OF_BITS = COMPARED | {"id": "bits", "measure": "total_bits"}
OF_BITS["contrast"] = {"plus": [{"model": ["gan"]}], "minus": [{"model": ["a"]}]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"contrast": {"plus": [{}]}}, "either minus or level"),
        ({"contrast": SIDES | {"level": 1.0}}, "either minus or level"),
        ({"contrast": {"plus": [{}], "level": 1.0, "each": True}}, "each with each"),
        ({"contrast": SIDES, "smallest": 0}, "smallest = 0.0, not in 0 to inf"),
        ({"contrast": SIDES, "smallest": 0.9, "kind": "equivalence"}, "smallest = 0.9, not in 1 to inf"),
        ({"contrast": {"plus": [{}], "level": 1.0}, "smallest": 2, "kind": "equivalence"}, "with minus, and no level"),
        ({"contrast": {"plus": [{}]}, "kind": "never"}, "smallest = 1.0, not in 0 to 1"),
        ({"contrast": SIDES, "kind": "never"}, "plus only"),
        ({"kind": "analytic", "check": "magic", "contrast": None}, "unknown check 'magic': choose from linear-before"),
        (
            {"contrast": SIDES, "measure": "iou_0.8_shares"},
            "unknown measure 'iou_0.8_shares': did you mean iou_0.8_share",
        ),
        ({"contrast": SIDES, "measure": "real_inc"}, "unknown measure 'real_inc'"),
        ({"contrast": SIDES, "figure": "overlaps"}, "unknown figure 'overlaps': choose from schedules"),
        (
            {"contrast": {"plus": [{"model": ["cosine"]}]}, "kind": "never", "smallest": 0.1},
            "model cosine is not in the study",
        ),
    ],
)
def test_claims_that_nothing_could_decide_are_refused_before_the_runs(changes, words, tmp_path):
    with pytest.raises(ValueError, match=r"mine\.yaml: (claims\.0.*)?claim one") as refusal:
        make_plan(written(tmp_path, claims=[COMPARED | changes]))
    assert words in str(refusal.value)


def test_other_samples_stand_beside_a_runs_own(tmp_path):
    """What `resampled` asks for reaches `diffusion sample`, for its cells alone, under names a run has no file of."""
    plan = make_plan(seeds=(0, 1))
    noised = [one for one in plan.resampled if one.name == "noised"]
    assert {(one.run.data, one.run.model, one.run.seed) for one in noised} == {
        (p, s, seed) for p in ("low", "high", "array") for s in ("linear", "power-10") for seed in (0, 1)
    }
    one = plan.resampling("beta-tilde", "array-wave-seed1")
    assert one.flags.startswith(one.run.sampling_flags.replace("--variance beta ", "--variance beta-tilde "))
    assert one.flags.endswith("--seed 1 --name beta-tilde")  # a seed has starting noises of its own
    assert plan.likelihood_flags(one.run).endswith("--seed 1")  # and draws
    assert f"--noised {noised[0].run.dataset.folder}" in noised[0].flags
    halfway = [one for one in plan.resampled if one.name == "halfway"]
    assert {one.run.model for one in halfway} == {"linear"}
    assert halfway[0].flags.endswith(f"--noised {halfway[0].run.dataset.folder} --from-abar 0.147")
    renormed = make_plan(written(tmp_path, resampled={"fresh": {"renormed": True}}, claims=[], figures=[])).resampled[0]
    assert renormed.flags.endswith(f"--name fresh --renormed {renormed.run.dataset.folder}")
    with pytest.raises(ValueError, match="from_abar needs noised"):
        make_plan(written(tmp_path, resampled={"part": {"from_abar": 0.5}}))
    assert not {path.name for path in one.files} & {path.name for path in one.run.files + one.run.measured_files}
    with pytest.raises(ValueError, match="stps"):
        make_plan(written(tmp_path, resampled={"mine": {"sampling": {"stps": 3}}}))


def test_one_job_at_a_time_writes_to_a_runs_folder():
    """Samples wait for those before them, and the bound for the last of all: two at once would refuse each other."""
    plan = make_plan()
    for run in plan.runs:
        others = [one for one in plan.resampled if one.run is run]
        drawn = [run.samples_file, *(one.samples_file for one in others)]
        assert [one.before.samples_file for one in others] == drawn[:-1]
        assert plan.last_samples(run.name) == drawn[-1]
    assert len({plan.last_samples(run.name).name for run in plan.runs}) > 1


OWN_NAMES = ("likelihood", "samples", "samples-frames", "a-measures", "run", "diverged", "losses", "measures", "claims")


@pytest.mark.parametrize("name", OWN_NAMES)
def test_other_samples_that_would_take_a_runs_own_names_are_refused_with_the_plan(name, tmp_path):
    with pytest.raises(ValueError, match=rf"resampled\.{name}: name '{name}': give .*, none of run, started"):
        make_plan(written(tmp_path, resampled={name: {}}))


def test_seeds_replace_the_scales():
    plan = plan_from_config({"scale": "smoke", "seeds": "3,5"})
    assert {run.seed for run in plan.runs} == {3, 5}
    assert {run.dataset.settings.seed for run in plan.runs} == {3, 5}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grids": {}}, ["grids", "Extra inputs"]),
        ({"models": {"a": {"schedule": "linaer"}}, **ALONE}, ["models.a", "linaer", "choose from linear"]),
        ({"models": {}}, ["models"]),
        ({"models": {"a": {"family": "magic"}}, **ALONE}, ["models.a", "family", "magic", "diffusion"]),
        (
            {"models": {"a": {"family": "vae", "schedule": "linear"}}, "training": {}, **ALONE},
            ["models.a", "belongs to family diffusion"],
        ),
        (
            {"models": {"vae": {}, "b": {"family": "gann"}, "c": {"family": "gam"}}, **ALONE},
            ["models.b", "gann", "models.c", "the plugin that has it, as plugins: [MODULE]"],
        ),
        (
            {"models": {"vae": {"pixels": "bernoulli"}}, "training": {}, **ALONE},
            ["models.vae on data.low", "give --pixels logistic"],
        ),
        (
            {"models": {"a": {"schedule": "linear"}, "gan": {}}, **ALONE, "claims": [OF_BITS]},
            ["claim bits: total_bits is of a likelihood, and family gan has none"],
        ),
        ({"grid": [["low", "linaer"]]}, ["grid.0", "model linaer", "choose from linear"]),
        ({"grid": []}, ["grid"]),
        ({"grid": {"preparation": ["low"], "schedule": ["linear"]}}, ["no axes any more", "under data and models"]),
        ({"grid": [["low", "linear"], ["low", "linear"]]}, ["grid", "is there twice"]),
        ({"training": {"timesteps": 0}}, ["models.linear", "timesteps = 0", "greater than or equal to 1"]),
        ({"training": {"leraning_rate": 1}}, ["leraning_rate"]),
        ({"sampling": {"sampler": "magic"}}, ["sampling", "magic", "ancestral"]),
        ({"data": {"low": {"quality": 500, "format": "jpeg"}}, **ALONE}, ["data.low", "500"]),
        ({"data": {"low": {"colours": 1}}, **ALONE}, ["data.low", "colours"]),
        ({"data": {"low": {"preparation": "medium"}}, **ALONE}, ["data.low", "medium"]),
        ({"extended": {"data": "low", "model": "linear", "epochs_factor": 0.5}}, ["epochs_factor", "0.5"]),
        ({"claims": [COMPARED | {"contrast": {"plus": [{}], "level": float("nan")}}]}, ["contrast.level = nan"]),
        ({"claims": [{"id": "../x", "claim": "a", "source": "b"}]}, ["claims.0.id"]),
        ({"models": {"power-1e+2": {}}}, ["models", "power-1e+2"]),
        ({"resampled": {"more": {"cells": {"model": ["linaer"]}}}}, ["linaer", "choose from linear"]),
        (
            {"extended": {"data": "low", "model": "cosine", "epochs_factor": 2}},
            ["extended", "model cosine is not in the study"],
        ),
        ({"extended": {"data": "low", "model": "linear", "epochs_factor": 1.01}}, ["makes 8 epochs of as"]),
        ({"resampled": {"more": {"cells": {"model": ["cosine"]}}}}, ["more", "cosine is not in the study"]),
        ({"resampled": {"more": {"noised": True, "sampling": {"count": 9999}}}}, ["more", "2000 test images"]),
        ({"resampled": {"more": {"sampling": {"steps": 1001}}}}, ["more", "steps = 1001", "has 1000"]),
        ({"resampled": {"more": {"noised": True, "from_abar": 0.1}}}, ["power-10 leaves 0.146", "as little as 0.1"]),
        (
            {"resampled": {"more": {"renormed": True}}, "training": {"network": "residual", "full_skip": False}},
            ["no batch norm"],
        ),
        ({"extended": None}, ["figures", "loss-extended", "trains no cell for longer"]),
        ({"figures": ["los"]}, ["figures", "'los'", "choose from schedules"]),
        ({"tables": ["data", "data"]}, ["tables", "data is there twice"]),
        ({"plugins": ["no_such_module"]}, ["plugin 'no_such_module' cannot be imported"]),
        ({"claims": []}, ["figures", "contrasts", "no claim that is tested"]),
        ({"claims": [{"id": "a", "claim": "b", "source": "c"} for _ in "12"]}, ["a is there twice"]),
        (
            {"sampling": {"sampler": "ddim", "variance": "beta"}},
            ["variance belongs to the ancestral sampler, not to ddim"],
        ),
    ],
)
def test_impossible_studies_are_refused_by_key_and_value(changes, words, tmp_path):
    with pytest.raises(ValueError, match=r"mine\.yaml|mine.* at scale") as refusal:
        make_plan(written(tmp_path, **changes))
    assert "\n" not in str(refusal.value)
    assert all(word in str(refusal.value) for word in words)


def test_the_commands_that_a_plan_prints_survive_a_shell():
    results = """my "results" & $(touch ran) é's;"""
    lines = describe_plan(make_plan(scale="smoke", results=results)).splitlines()
    typed = [shlex.split(line) for line in lines if line.startswith("  ")]
    assert {words[0] for words in typed} == {"triangles", "diffusion", "studies"}
    assert all(any(word.startswith(results) for word in words) for words in typed)


NO_CONFIGS = [{"scal": "smoke"}, {"scale": "huge"}, {"study": "../scales"}, {"seeds": "one"}]
NO_CONFIGS += [{"seeds": "0,1,0"}]
NO_CONFIGS += [{"results": "a{b}"}, {"results": "<b>"}, {"results": "-x"}, {"study": "{x}/mine.yaml"}]


@pytest.mark.parametrize("config", NO_CONFIGS)
def test_impossible_configs_are_refused(config):
    with pytest.raises(ValueError, match=r"choose from|give whole numbers|needs a path without|0 is there twice"):
        plan_from_config(config)


@pytest.mark.parametrize(
    "text", ["a: [", "- 1", "&a [*a]", "a: &a [x]\nb: [*a]", "title: \x07", "!!python/object/apply:os.system [ls]"]
)
def test_broken_and_hostile_yaml_is_refused(text, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"mine\.yaml"):
        make_plan(str(path))


@pytest.mark.parametrize("name", ["...yaml", "..yaml", "runs.yaml", "thesis.yaml", "a b.yaml", "<i>.yaml", "ü.yaml"])
def test_a_studys_file_name_cannot_leave_or_take_another_folder(name, tmp_path):
    path = tmp_path / name
    path.write_text(yaml.safe_dump(THESIS))
    with pytest.raises(ValueError, match=r"names its folder|unknown study"):
        make_plan(str(path))


def test_aliases_that_stand_for_more_than_memory_are_refused_at_once(tmp_path):
    levels = [f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    path = tmp_path / "mine.yaml"
    path.write_text("\n".join(["a: &a [x, x]", *levels]))
    with pytest.raises(ValueError, match="write the value out"):
        make_plan(str(path))


@pytest.mark.parametrize(("name", "runs"), [("readings", 18), ("mend", 6)])
def test_studies_with_fixed_seeds_plan_them_and_share_cells_with_the_thesis(name, runs, tmp_path):
    plan = make_plan(name, "laptop", tmp_path)
    assert plan.scale.seeds == (0, 1, 2)
    assert len(plan.grid) == 3 * runs
    ours, theirs = ({run.name: run for run in one.grid} for one in (plan, make_plan(results=tmp_path)))
    shared = set(ours) & set(theirs)
    assert {"high-linear-seed0", "array-power-10-seed0"} <= shared
    assert all(ours[run].training == theirs[run].training for run in shared)
    assert all(ours[run].dataset == theirs[run].dataset for run in shared)
    assert make_plan(name, "laptop", tmp_path, (4,)).scale.seeds == (4,)
    assert len(make_plan(name, "smoke", tmp_path).scale.seeds) == 1


STUDIES = sorted(path.stem for path in SCALES.parent.glob("*.yaml") if path.stem != "scales")


@pytest.mark.parametrize("name", STUDIES)
def test_to_show_the_wiring_no_study_makes_more_than_the_scale(name, tmp_path):
    scale, plan = read_scales().scales["smoke"], make_plan(name, "smoke", tmp_path)
    for run in plan.grid:
        assert run.training.epochs <= scale.training["epochs"]
        assert run.sampling.count <= scale.sampling["count"]
        assert run.dataset.settings.count <= scale.data["count"]
        assert run.dataset.settings.test_count <= scale.data["test_count"]
    assert all(one.sampling.count <= scale.sampling["count"] for one in plan.resampled)


def test_rescaled_betas_add_up_to_as_much_noise(tmp_path):
    runs = {run.model: run.training for run in make_plan("readings", "laptop", tmp_path, (0,)).grid}
    abar = {model: training.noise_schedule().abar[-1] for model, training in runs.items()}
    assert abar["linear-t200"] == pytest.approx(0.13, abs=0.005)
    assert abar["linear-t300"] == pytest.approx(0.05, abs=0.005)
    for name in ("linear", "power-10"):
        for steps in (200, 300):
            assert np.log(abar[f"{name}-t{steps}-scaled"]) == pytest.approx(np.log(abar[name]), rel=0.1)


def test_another_start_is_told_in_the_flags(tmp_path):
    plan = make_plan("mend", "laptop", tmp_path, (0,))
    ways = {one.name: one for one in plan.resampled if one.run.name == "array-power-10-seed0"}
    assert ways["matched"].flags.endswith(f"--name matched --matched {tmp_path}/laptop/data/array-seed0")
    assert "diffusion.denoising.matched" in ways["matched"].modules
    assert "diffusion.denoising.matched" not in ways["noised"].modules
