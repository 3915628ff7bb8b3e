"""study x scale -> a plan. A run's name is its settings, so studies share runs. Never imports torch."""

import re
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

import triangles.settings
from diffusion.settings import TrainSettings
from diffusion.store.names import LIKELIHOOD, SAMPLES, check_name
from studies.planning.checks import check_extended, check_resampled
from studies.planning.plan import DEFAULT_STUDY, Dataset, Plan, Resampling, Run
from studies.planning.study import (
    SCALES,
    Cells,
    Recipe,
    SamplingSettings,
    Scale,
    Scales,
    Study,
    find,
    read_scales,
    read_study,
    validated,
)
from studies.report.catalogue import FIGURES, TABLES, named

DEFAULT_SCALE = "laptop"
CONFIG_KEYS = ("scale", "study", "seeds", "results")
TAKEN = ("data", "runs", "logs", "benchmarks", "figures", "tables", DEFAULT_STUDY)


def make_plan(
    study: str = DEFAULT_STUDY,
    scale: str = DEFAULT_SCALE,
    results: Path | str = "results",
    seeds: tuple[int, ...] | None = None,
) -> Plan:
    """Resolve and check a study at a scale; `seeds` replaces the scale's.

    Raises:
        ValueError: unknown study or scale, unknown keys, impossible values: file, key, value and what is allowed.
    """
    question, scales = read_study(study), read_scales()
    if scale not in scales.scales:
        raise ValueError(f"unknown scale {scale!r}: choose from {', '.join(scales.scales)}")
    size = scales.scales[scale]
    if seeds is not None:
        size = validated(Scale, size.model_dump() | {"seeds": seeds}, "seeds")
    files = (find(study), SCALES)
    name, folder = _named_by(files[0]), Path(results) / scale
    maker = _Maker(question, scales, size, f"{study} at scale {scale}", folder)
    cells = [(p, s) for p in question.grid.preparation for s in question.grid.schedule]
    runs = [maker.run(p, s, seed) for seed in size.seeds for p, s in cells]
    if question.extended:
        runs += [maker.extended(seed) for seed in size.seeds]
    resampled = [one for run in runs if run.base is None for one in maker.resampled(run)]
    words = ["--study", study, "--scale", scale, "--results", str(results)]
    words += ["--seeds", ",".join(map(str, seeds))] if seeds is not None else []
    made = tuple(runs), tuple(resampled)
    plan = Plan(name, question, scale, size, maker.recipe, folder, *made, shlex.join(words), files)
    _check_shown(plan)
    return plan


def _check_shown(plan: Plan) -> None:
    """That every figure and table of the study exists and can be made of it, before anything is."""
    for kind, entries in (("figures", FIGURES), ("tables", TABLES)):
        for name in getattr(plan.study, kind):
            try:
                named(entries, name).inputs(plan)
            except ValueError as error:
                raise ValueError(f"{plan.written_in[0].name}: {kind}: {error}") from None


def _named_by(file: Path) -> str:
    """The name of a study's folder beside the scale's own: that of its file, if no other folder has it."""
    ours = file.resolve().parent == SCALES.parent.resolve()
    if ours or (re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", file.stem) and file.stem not in TAKEN):
        return file.stem
    raise ValueError(f"{file}: a study's file name names its folder: letters, digits and dashes, none of {TAKEN}")


def plan_from_config(config: dict) -> Plan:
    """The plan that Snakemake's --config asks for.

    Raises:
        ValueError: an unknown key, a path that Snakemake would not take as it is, or a value that `make_plan` refuses.
    """
    unknown = sorted(set(config) - set(CONFIG_KEYS))
    if unknown:
        raise ValueError(f"unknown config key {unknown[0]!r}: choose from {', '.join(CONFIG_KEYS)}")
    given = {key: str(value) for key, value in config.items()}
    for key in ("study", "results"):
        if given.get(key, "").startswith("-") or set("{}<>") & set(given.get(key, "")):
            raise ValueError(f"{key} = {given[key]!r}: a workflow needs a path without {{ }} < > and a - at its start")
    if "seeds" in given:
        given["seeds"] = parse_seeds(given["seeds"])
    return make_plan(**given)


def parse_seeds(text: str) -> tuple[int, ...]:
    """`0,1,2` -> (0, 1, 2); ValueError for anything but whole numbers."""
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise ValueError(f"seeds = {text!r}: give whole numbers with commas, such as 0,1,2") from None


@dataclass(frozen=True)
class _Maker:
    """Merges what recipe, scale, study and grid say into one run's settings, and names it by what differs."""

    study: Study
    scales: Scales
    scale: Scale
    where: str
    folder: Path

    def run(self, preparation: str, schedule: str, seed: int, base: Run | None = None, **more) -> Run:
        common = self.recipe.training | self.scale.training
        settings = common | self.study.training | {"schedule": schedule, "seed": seed} | more
        training = validated(TrainSettings, settings, f"{self.where}: training")
        plain = validated(TrainSettings, common | {"schedule": schedule, "seed": seed}, f"{self.where}: training")
        dataset = self.dataset(preparation, seed)
        sampling = validated(SamplingSettings, self.scale.sampling | self.study.sampling, f"{self.where}: sampling")
        usual = validated(SamplingSettings, self.scale.sampling, f"{self.where}: sampling")
        name = "-".join(
            [
                preparation,
                schedule,
                f"seed{seed}",
                *_differences(training.model_dump(mode="json"), plain.model_dump(mode="json")),
                *_differences(sampling.effective(), usual.effective()),
                *_data_mark(dataset),
            ]
        )
        return Run(name, preparation, schedule, seed, dataset, training, sampling, self.folder / "runs" / name, base)

    def extended(self, seed: int) -> Run:
        extended = self.study.extended
        base = self.run(extended.preparation, extended.schedule, seed)
        epochs = round(extended.epochs_factor * base.training.epochs)
        run = self.run(extended.preparation, extended.schedule, seed, base, epochs=epochs)
        check_extended(run, self.where)
        return run

    def resampled(self, run: Run) -> list[Resampling]:
        made = [run]
        for name, how in self.study.resampled.items():
            where = f"{self.where}: resampled.{name}"
            _check_name(name, where)
            sampling = validated(SamplingSettings, run.sampling.model_dump() | how.sampling, where)
            other = Resampling(name, run, sampling, how.noised, how.from_abar, how.renormed, made[-1])
            if _among(run, how.cells):
                check_resampled(other, where)
                made.append(other)
        return made[1:]

    def dataset(self, preparation: str, seed: int) -> Dataset:
        common = self.scale.data | {"seed": seed}
        try:
            plain = triangles.settings.resolve(preparation, **common)
            settings = triangles.settings.resolve(preparation, **common | self.study.data.get(preparation, {}))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{self.where}: data.{preparation}: {error}") from None
        name = "-".join([preparation, f"seed{seed}", *_differences(asdict(settings), asdict(plain))])
        return Dataset(name, preparation, settings, self.folder / "data" / name)

    @property
    def recipe(self) -> Recipe:
        if self.scale.recipe not in self.scales.recipes:
            known = ", ".join(self.scales.recipes)
            raise ValueError(f"{self.where}: unknown recipe {self.scale.recipe!r}: choose from {known}")
        return self.scales.recipes[self.scale.recipe]


def _check_name(name: str, where: str) -> None:
    """That other samples of a run leave its own files alone, as `diffusion sample` will ask."""
    try:
        check_name(name, SAMPLES, LIKELIHOOD)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _among(run: Run, cells: Cells) -> bool:
    sets, schedules = cells.preparation or (run.preparation,), cells.schedule or (run.schedule,)
    return run.preparation in sets and run.schedule in schedules


def _differences(ours: dict, theirs: dict) -> list[str]:
    """What sets these settings apart from the scale's own, as words fit for a file name."""
    words = [f"{key}{ours[key]}" for key in ours if ours[key] != theirs[key]]
    return [re.sub(r"[^A-Za-z0-9.]+", "_", word) for word in words]


def _data_mark(dataset: Dataset) -> list[str]:
    return dataset.name.split("-")[2:]
