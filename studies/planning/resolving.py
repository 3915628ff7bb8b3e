"""Resolve a study at a scale into a plan. Runs are named by settings, so studies share them. Never imports torch."""

import re
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from diffusion.store.registry import load_plugins
from studies.planning.checks import check_claims, check_shown, check_training
from studies.planning.making import Maker
from studies.planning.narrowing import leave_out, narrow
from studies.planning.plan import DEFAULT_STUDY, Plan
from studies.planning.reading import SCALES, find, read_scales, read_study, validated
from studies.planning.study import Scale

__all__ = ["make_plan", "parse_seeds", "plan_from_config"]

DEFAULT_SCALE = "laptop"
CONFIG_KEYS = ("scale", "study", "seeds", "results")
TAKEN = ("data", "runs", "logs", "benchmarks", "figures", "tables", DEFAULT_STUDY)


def make_plan(
    study: str = DEFAULT_STUDY,
    scale: str = DEFAULT_SCALE,
    results: Path | str = "results",
    seeds: tuple[int, ...] | None = None,
) -> Plan:
    """Resolve and check a study at a scale; `seeds` replaces the study's, and those the scale's.

    Raises:
        ValueError: unknown study or scale, unknown keys, impossible values: file, key, value and what is allowed.
    """
    _refuse_bytes(study=study, results=str(results))
    question, scales = read_study(study), read_scales()
    _load(question.plugins, find(study))
    if scale not in scales.scales:
        raise ValueError(f"unknown scale {scale!r}: choose from {', '.join(scales.scales)}")
    size, chosen = scales.scales[scale], seeds if seeds is not None else question.seeds.get(scale)
    if chosen is not None:
        size = validated(Scale, size.model_dump() | {"seeds": chosen}, "seeds")
    files = (find(study), SCALES)
    name, folder = _named_by(files[0]), Path(results) / scale
    question, left_out = narrow(question)
    maker = Maker(question, scales, size, f"{study} at scale {scale}", folder)
    check_training(question, files[0].name)
    cells = [(data, model, seed) for seed in size.seeds for data, model in question.cells]
    runs = _make_together(partial(maker.run, *cell) for cell in cells)
    if question.extended:
        runs += [maker.extended(seed) for seed in size.seeds]
    resampled = [one for run in runs if run.base is None for one in maker.resampled(run)]
    words = ["--study", study, "--scale", scale, "--results", str(results)]
    words += ["--seeds", ",".join(map(str, seeds))] if seeds is not None else []
    made = tuple(runs), tuple(resampled)
    plan = Plan(name, question, scale, size, maker.recipe, folder, *made, shlex.join(words), files)
    plan = leave_out(plan, left_out)
    _check(plan)
    return plan


def _refuse_bytes(**paths: str) -> None:
    """Refuse a path that is no UTF-8: Snakemake and the report, which come last, could not write its name."""
    for name, path in paths.items():
        if any("\ud800" <= sign <= "\udfff" for sign in path):
            raise ValueError(f"{name} = {path!r} is no UTF-8: give the file or folder a name that is")


def _check(plan: Plan) -> None:
    """Check what hangs on no seed, by the first one's runs: there may be thousands."""
    first = plan.scale.seeds[0]
    resampled = tuple(one for one in plan.resampled if one.run.seed == first)
    one_seed = replace(plan, runs=tuple(run for run in plan.runs if run.seed == first), resampled=resampled)
    _make_together((partial(check_claims, one_seed), partial(check_shown, one_seed)))


def _make_together(calls: Iterable[Callable]) -> list:
    """Make every call and return what they return, or refuse at once all that any refuses, each fault told once.

    Raises:
        ValueError: there is a fault.
    """
    made, faults = [], {}
    for call in calls:
        try:
            made.append(call())
        except ValueError as error:
            faults[str(error)] = None
    if faults:
        raise ValueError("; ".join(faults))
    return made


def _load(plugins: tuple[str, ...], file: Path) -> None:
    try:
        load_plugins(plugins)
    except ValueError as error:
        raise ValueError(f"{file.name}: {error}") from None


def _named_by(file: Path) -> str:
    """Name a study's folder beside the scale's own: that of its file, if no other folder has it."""
    ours = file.resolve().parent == SCALES.parent.resolve()
    if ours or (re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", file.stem) and file.stem not in TAKEN):
        return file.stem
    raise ValueError(f"{file}: a study's file name names its folder: letters, digits and dashes, none of {TAKEN}")


def plan_from_config(config: dict) -> Plan:
    """Make the plan that Snakemake's --config asks for.

    Raises:
        ValueError: an unknown key, a path that Snakemake would not take as it is, a value that `make_plan` refuses, or
            a symlink inside the results folder.
    """
    unknown = sorted(set(config) - set(CONFIG_KEYS))
    if unknown:
        raise ValueError(f"unknown config key {unknown[0]!r}: choose from {', '.join(CONFIG_KEYS)}")
    typed = {word.partition("=")[0] for word in sys.argv if "=" in word}
    if lost := [key for key in CONFIG_KEYS if key in typed and key not in config]:
        raise ValueError(f"{lost[0]} is typed and did not arrive: give --config once, with all its keys")
    given = {key: _as_typed(key, value) for key, value in config.items()}
    for key in ("study", "results"):
        if given.get(key, "").startswith("-") or set("{}<>") & set(given.get(key, "")):
            raise ValueError(f"{key} = {given[key]!r}: a workflow needs a path without {{ }} < > and a - at its start")
    if "seeds" in given:
        given["seeds"] = parse_seeds(given["seeds"])
    plan = make_plan(**given)
    plan.check_way()
    return plan


def _as_typed(key: str, value) -> str:
    """Return a value of --config as it was typed; Snakemake reads 1.10 as 1.1, 010 as 8, and `no` as False.

    Raises:
        ValueError: it was changed on the way.
    """
    typed = [word.partition("=")[2] for word in sys.argv if word.partition("=")[0] == key]
    if len(typed) > 1:
        raise ValueError(f"{key} is given {len(typed)} times: give it once")
    unquoted = [word.strip("\"'") for word in typed]
    if not isinstance(value, str | int) or isinstance(value, bool) or (typed and str(value) != unquoted[0]):
        shown = typed[0] if typed else value
        raise ValueError(f"{key} = {shown} is read as {value!r} by Snakemake: write it otherwise, a path as ./{shown}")
    return str(value)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read `0,1,2` as (0, 1, 2); ValueError for anything but whole numbers, written plainly: 010 may be 10 or 8."""
    words = [word.strip() for word in text.split(",")]
    if not all(re.fullmatch(r"-?(0|[1-9]\d*)", word, re.ASCII) for word in words):
        raise ValueError(f"seeds = {text!r}: give whole numbers with commas, such as 0,1,2")
    return tuple(map(int, words))
