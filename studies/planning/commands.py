"""A plan as a person reads it: what is made, and the command that makes it."""

import shlex

from studies.verdicts.claims import needed
from studies.verdicts.statistics import TESTED

__all__ = ["as_config", "described"]


def described(plan) -> str:
    """The data sets and runs of a plan, each with the commands that make it by hand."""
    parts = len(plan.datasets), len(plan.grid), len(plan.extended)
    lines = [
        f"{plan.study.title}: study {plan.study_name} at scale {plan.scale_name} ({plan.scale.summary})",
        f"{parts[0]} data sets, {parts[1]} runs of the grid, {parts[2]} longer; seeds "
        f"{', '.join(map(str, plan.scale.seeds))}; in {plan.output}",
    ]
    for dataset in plan.datasets:
        lines += [
            "",
            f"data set {dataset.name}",
            f"  triangles generate {dataset.flags} --out {_quoted(dataset.folder)}",
        ]
        lines += [f"  studies measure-data {dataset.name} {plan.flags}"]
    for run in plan.runs:
        lines += ["", f"run {run.name} (set {run.dataset.name}, {run.training.epochs} epochs)", *_commands(plan, run)]
    for one in plan.resampled:
        lines += ["", f"other samples {one.name} of {one.run.name}"]
        lines += [f"  diffusion sample {_quoted(one.run.folder)} {one.flags} --threads {plan.scale.threads}"]
        lines += [f"  studies measure {one.run.name} --samples {one.name} {plan.flags}"]
    shown = ("figure", "table", "verdicts", "report")
    lines += ["", "figures, tables, verdicts, report", *(f"  studies {name} {plan.flags}" for name in shown)]
    return "\n".join([*lines, "", *_claims(plan)])


def _claims(plan) -> list[str]:
    """How many claims there are to judge, and those that have too few seeds for their test."""
    claims, have = plan.study.claims, len(plan.scale.seeds)
    few = {claim.id: least for claim in claims if (least := needed(claim, claims)) > have}
    tested = sum(claim.kind in TESTED for claim in claims)
    said = f"{len(claims)} claim{'s' * (len(claims) != 1)}"
    lines = [f"{said}, {tested} of them tested over {have} seed{'s' * (have > 1)}"]
    if few:
        words = ", ".join(f"{name} (needs {least})" for name, least in few.items())
        lines.append(f"too few seeds for any verdict but inconclusive: {words}; give more with --seeds")
    return lines


def _commands(plan, run) -> list[str]:
    threads = f"--threads {plan.scale.threads}"
    folder, data = _quoted(run.folder), _quoted(run.dataset.folder)
    return [
        f"  diffusion train {data} {run.training_flags} {threads} --out {folder}",
        f"  diffusion sample {folder} {run.sampling_flags} {threads}",
        f"  diffusion likelihood {folder} {data} {plan.likelihood_flags(run)} {threads}",
        f"  studies measure {run.name} {plan.flags}",
    ]


def _quoted(path) -> str:
    """A path as a shell takes it."""
    return shlex.quote(str(path))


def as_config(flags: str) -> str:
    """`--study thesis --scale smoke` as Snakemake's --config takes it."""
    words = shlex.split(flags)
    return shlex.join(f"{name.removeprefix('--')}={value}" for name, value in zip(words[::2], words[1::2], strict=True))
