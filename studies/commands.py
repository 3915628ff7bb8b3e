"""A plan as a person reads it: what is made, and the command that makes it."""

__all__ = ["described"]


def described(plan) -> str:
    """The data sets and runs of a plan, each with the commands that make it by hand."""
    parts = len(plan.datasets), len(plan.grid), len(plan.extended)
    lines = [
        f"{plan.study.title}: study {plan.study_name} at scale {plan.scale_name} ({plan.scale.summary})",
        f"{parts[0]} data sets, {parts[1]} runs of the grid, {parts[2]} longer; seeds "
        f"{', '.join(map(str, plan.scale.seeds))}; in {plan.output}",
    ]
    for dataset in plan.datasets:
        lines += ["", f"data set {dataset.name}", f"  triangles generate {dataset.flags} --out {dataset.folder}"]
    for run in plan.runs:
        lines += ["", f"run {run.name} (set {run.dataset.name}, {run.training.epochs} epochs)", *_commands(plan, run)]
    shown = ("figure", "table", "report")
    return "\n".join([*lines, "", "figures, tables, report", *(f"  studies {name} {plan.flags}" for name in shown)])


def _commands(plan, run) -> list[str]:
    threads = f"--threads {plan.scale.threads}"
    return [
        f"  diffusion train {run.dataset.folder} {run.training_flags} {threads} --out {run.folder}",
        f"  diffusion sample {run.folder} {run.sampling.flags()} {threads}",
    ]
