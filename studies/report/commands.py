"""Print a plan as people read it: what is made, and the command that makes it."""

import shlex

from studies.planning.checks import warn_of_averages
from studies.verdicts.claims import count_needed
from studies.verdicts.statistics import TESTED

__all__ = ["describe_plan", "format_config"]


def describe_plan(plan) -> str:
    """Return the data sets and runs of a plan, each with the commands that make it by hand."""
    parts = len(plan.datasets), len(plan.grid), len(plan.extended)
    lines = [
        f"{plan.study.title}: study {plan.study_name} at scale {plan.scale_name} ({plan.scale.summary})",
        f"{parts[0]} data sets, {parts[1]} runs of the grid, {parts[2]} longer; seeds "
        f"{', '.join(map(str, plan.scale.seeds))}; in {plan.output}",
    ]
    if plan.study.plugins:
        lines.append(f"plugins, imported first: {', '.join(plan.study.plugins)}")
    if plan.left_out:
        lines.append(f"left out, as the grid has no cells for them: {', '.join(plan.left_out)}")
    for dataset in plan.datasets:
        lines += [
            "",
            f"data set {dataset.name}: {plan.tell(dataset)}",
            f"  {_name_program('triangles', plan)} {dataset.command} --out {_quote(dataset.folder)}",
            f"  studies measure-data {dataset.name} {plan.flags}",
        ]
    for run in plan.runs:
        lines += [
            "",
            f"run {run.name}: {plan.tell(run)} (data {run.dataset.name}, {run.training.epochs} epochs)",
            *_list_commands(plan, run),
        ]
    for one in plan.resampled:
        lines += ["", f"other samples {one.name} of {one.run.name}: {plan.tell(one.run)}"]
        command = f"{_name_program('diffusion', plan)} sample {_quote(one.run.folder)}"
        lines += [f"  {command} {one.flags} --threads {plan.scale.threads}"]
        lines += [f"  studies measure {one.run.name} --samples {one.name} {plan.flags}"]
    shown = ("figure", "table", "verdicts", "report")
    lines += ["", "figures, tables, verdicts, report", *(f"  studies {name} {plan.flags}" for name in shown)]
    return "\n".join([*lines, "", *_count_claims(plan), *warn_of_averages(plan)])


def _count_claims(plan) -> list[str]:
    """Say how many claims there are to judge, and which have too few seeds for their test."""
    claims, have = plan.study.claims, len(plan.scale.seeds)
    few = {claim.id: least for claim in claims if (least := count_needed(claim, claims)) > have}
    tested = sum(claim.kind in TESTED for claim in claims)
    said = f"{len(claims)} claim{'s' * (len(claims) != 1)}"
    lines = [f"{said}, {tested} of them tested over {have} seed{'s' * (have > 1)}"]
    if few:
        words = ", ".join(f"{name} (needs {least})" for name, least in few.items())
        lines.append(f"too few seeds for any verdict but inconclusive: {words}; give more with --seeds")
    return lines


def _list_commands(plan, run) -> list[str]:
    threads, program = f"--threads {plan.scale.threads}", _name_program("diffusion", plan)
    folder, data = _quote(run.folder), _quote(run.dataset.folder)
    bound = f"  {program} likelihood {folder} {data} {plan.likelihood_flags(run)} {threads}"
    return [
        f"  {program} train {data} {run.training_flags} {threads} --out {folder}",
        f"  {program} sample {folder} {run.sampling_flags} {threads}",
        *([bound] if "likelihood" in run.capabilities else []),
        f"  studies measure {run.name} {plan.flags}",
    ]


def _name_program(name: str, plan) -> str:
    """Return a program's name with the options that import the study's plugins."""
    return f"{name} {plan.plugins}".rstrip()


def _quote(path) -> str:
    """Quote a path as a shell takes it."""
    return shlex.quote(str(path))


def format_config(flags: str) -> str:
    """Turn `--study thesis --scale smoke` into what Snakemake's --config takes."""
    words = shlex.split(flags)
    return shlex.join(f"{name.removeprefix('--')}={value}" for name, value in zip(words[::2], words[1::2], strict=True))
