"""study x scale -> the runs to make. A run's name is its settings, so studies share runs. Never imports torch.

Folders: results/SCALE/data/DATASET, results/SCALE/runs/RUN, and figures, tables and the report of the study
`thesis` in results/SCALE itself, of any other study in results/SCALE/STUDY.
"""

import hashlib
import re
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

import triangles.settings
from diffusion.console import flags
from diffusion.settings import TrainSettings
from studies.settings import (
    SCALES,
    Cells,
    SamplingSettings,
    Scale,
    Scales,
    Study,
    find,
    read_scales,
    read_study,
    validated,
)

DEFAULT_STUDY, DEFAULT_SCALE = "thesis", "laptop"
CONFIG_KEYS = ("scale", "study", "seeds", "results")
TAKEN = ("data", "runs", "logs", "benchmarks", "figures", "tables", DEFAULT_STUDY)
DATA_FILES = ("train.npy", "test.npy", "vertices_train.npy", "vertices_test.npy", "dataset.json")
RUN_FILES = ("run.json", "losses.csv", "model.safetensors")
SAMPLE_FILES = ("samples.npy", "samples-frames.npy", "samples.json")
LIKELIHOOD_FILES = ("likelihood.npy", "likelihood.csv", "likelihood.json")
MEASURE_FILES = ("measures.csv", "per-image.npz")
OTHER_FILES = ("started.json", "diverged.json", "claims.json")  # of a run, now and then
OF_A_RUN = {*RUN_FILES, *SAMPLE_FILES, *LIKELIHOOD_FILES, *MEASURE_FILES, *OTHER_FILES}
REAL_FILE = "real.npz"


@dataclass(frozen=True)
class Dataset:
    name: str
    preparation: str
    settings: triangles.settings.Settings
    folder: Path

    @property
    def flags(self) -> str:
        """The options of `triangles generate` that make this set."""
        given = {name: value for name, value in asdict(self.settings).items() if value is not None}
        return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())

    @property
    def files(self) -> list[Path]:
        return [self.folder / name for name in DATA_FILES]

    @property
    def real_file(self) -> Path:
        """The held-out real images, measured."""
        return self.folder / REAL_FILE


@dataclass(frozen=True)
class Run:
    """One cell of the grid at one seed, or its extension (`base` is then the run that it extends)."""

    name: str
    preparation: str
    schedule: str
    seed: int
    dataset: Dataset
    training: TrainSettings
    sampling: SamplingSettings
    folder: Path
    base: "Run | None" = None

    @property
    def training_flags(self) -> str:
        """The options of `diffusion train` that make this run."""
        start = f" --start-from {shlex.quote(str(self.start_from.folder))}" if self.start_from else ""
        return flags(self.training) + start

    @property
    def files(self) -> list[Path]:
        return [self.folder / name for name in RUN_FILES]

    @property
    def samples_file(self) -> Path:
        return self.folder / SAMPLE_FILES[0]

    @property
    def measure_file(self) -> Path:
        return self.folder / MEASURE_FILES[0]

    @property
    def measured_files(self) -> list[Path]:
        """What the run's measures are made from."""
        names = (*RUN_FILES[:2], SAMPLE_FILES[0], *LIKELIHOOD_FILES)
        return [self.folder / name for name in names] + [self.dataset.folder / "train.npy", self.dataset.real_file]

    @property
    def start_from_files(self) -> list[Path]:
        return self.start_from.files if self.start_from else []

    @property
    def start_from(self) -> "Run | None":
        """The run whose checkpoint this one goes on from: possible where the rate's course ignores the run's length."""
        return self.base if self.base and not self.training.cooldown else None


@dataclass(frozen=True)
class Resampling:
    """Another sampling of a run; its files stand beside the run's own, under its name.

    before: the sampling of the same run to wait for, as a run's folder has one writer at a time.
    """

    name: str
    run: Run
    sampling: SamplingSettings
    noised: bool
    before: "Run | Resampling"

    @property
    def flags(self) -> str:
        """The options of `diffusion sample` that make it."""
        start = f" --noised {shlex.quote(str(self.run.dataset.folder))}" if self.noised else ""
        return f"{self.sampling.flags()} --name {self.name}{start}"

    @property
    def files(self) -> list[Path]:
        return [self.run.folder / f"{self.name}{name.removeprefix('samples')}" for name in SAMPLE_FILES]

    @property
    def samples_file(self) -> Path:
        return self.files[0]

    @property
    def measure_file(self) -> Path:
        return self.run.folder / f"{self.name}-{MEASURE_FILES[0]}"


@dataclass(frozen=True)
class Plan:
    """Everything a study needs at a scale. `runs` are the grid's cells, seed by seed, then the extensions; `resampled`
    what is sampled in another way as well."""

    study_name: str
    study: Study
    scale_name: str
    scale: Scale
    folder: Path
    runs: tuple[Run, ...]
    resampled: tuple[Resampling, ...]
    flags: str
    written_in: tuple[Path, ...]  # the files that say all this

    data_files, run_files, sample_files = DATA_FILES, RUN_FILES, SAMPLE_FILES
    likelihood_files, measure_files = LIKELIHOOD_FILES, MEASURE_FILES

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        return tuple({run.dataset.name: run.dataset for run in self.runs}.values())

    @property
    def grid(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.base is None)

    @property
    def extended(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.base is not None)

    @property
    def output(self) -> Path:
        """Where this study's figures, tables and report go."""
        return self.folder if self.study_name == DEFAULT_STUDY else self.folder / self.study_name

    def flags_of(self, seed: int) -> str:
        """The options of a plan for one seed: what a job on one run needs, and no more to go stale by."""
        return shlex.join([*shlex.split(self.flags)[:6], "--seeds", str(seed)])

    @property
    def shown(self) -> str:
        """A digest of what figures and tables show beyond their files: the noise schedules and the claims."""
        noise = {(r.schedule, r.training.timesteps, r.training.beta_min, r.training.beta_max) for r in self.grid}
        text = repr([sorted(noise), [claim.model_dump() for claim in self.study.claims]])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def frame_files(self) -> list[Path]:
        return [run.folder / name for run in self.grid for name in SAMPLE_FILES[1:]]

    @property
    def judged_files(self) -> list[Path]:
        """What claims that compare cells are judged by; none where the study has no such claim."""
        compared = any(claim.contrast for claim in self.study.claims)
        return [one.measure_file for one in (*self.grid, *self.resampled)] if compared else []

    def run(self, name: str) -> Run:
        return _one(self.runs, name, f"run of study {self.study_name} at scale {self.scale_name}")

    def resampling(self, name: str, run: str) -> Resampling:
        here = tuple(one for one in self.resampled if one.run.name == run)
        return _one(here, name, f"other sampling of {run} in study {self.study_name}")

    def dataset(self, name: str) -> Dataset:
        return _one(self.datasets, name, f"data set of study {self.study_name} at scale {self.scale_name}")

    def cell(self, preparation: str, schedule: str, seed: int | None = None) -> Run:
        """The grid's run for a preparation and schedule, at the first seed unless told otherwise."""
        seed = self.scale.seeds[0] if seed is None else seed
        wanted = (preparation, schedule, seed)
        return next(run for run in self.grid if (run.preparation, run.schedule, run.seed) == wanted)


def _one(items, name: str, kind: str):
    for item in items:
        if item.name == name:
            return item
    raise ValueError(f"no {kind} is called {name!r}: choose from {', '.join(item.name for item in items)}")


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
    return Plan(name, question, scale, size, folder, tuple(runs), tuple(resampled), shlex.join(words), files)


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
        common = self._recipe() | self.scale.training
        settings = common | self.study.training | {"schedule": schedule, "seed": seed} | more
        training = validated(TrainSettings, settings, f"{self.where}: training")
        plain = validated(TrainSettings, common | {"schedule": schedule, "seed": seed}, f"{self.where}: training")
        dataset = self.dataset(preparation, seed)
        sampling = validated(SamplingSettings, self.scale.sampling | self.study.sampling, f"{self.where}: sampling")
        name = "-".join(
            [
                preparation,
                schedule,
                f"seed{seed}",
                *_differences(training.model_dump(mode="json"), plain.model_dump(mode="json")),
                *_data_mark(dataset),
            ]
        )
        return Run(name, preparation, schedule, seed, dataset, training, sampling, self.folder / "runs" / name, base)

    def extended(self, seed: int) -> Run:
        extended = self.study.extended
        base = self.run(extended.preparation, extended.schedule, seed)
        epochs = round(extended.epochs_factor * base.training.epochs)
        return self.run(extended.preparation, extended.schedule, seed, base, epochs=epochs)

    def resampled(self, run: Run) -> list[Resampling]:
        made = [run]
        for name, how in self.study.resampled.items():
            where = f"{self.where}: resampled.{name}"
            sampling = validated(SamplingSettings, run.sampling.model_dump() | how.sampling, where)
            other = Resampling(name, run, sampling, how.noised, made[-1])
            if taken := {path.name for path in (*other.files, other.measure_file)} & OF_A_RUN:
                raise ValueError(f"{where}: a run has a {min(taken)} of its own: choose another name")
            if _among(run, how.cells):
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

    def _recipe(self) -> dict:
        if self.scale.recipe not in self.scales.recipes:
            known = ", ".join(self.scales.recipes)
            raise ValueError(f"{self.where}: unknown recipe {self.scale.recipe!r}: choose from {known}")
        return self.scales.recipes[self.scale.recipe]


def _among(run: Run, cells: Cells) -> bool:
    sets, schedules = cells.preparation or (run.preparation,), cells.schedule or (run.schedule,)
    return run.preparation in sets and run.schedule in schedules


def _differences(ours: dict, theirs: dict) -> list[str]:
    """What sets these settings apart from the scale's own, as words fit for a file name."""
    words = [f"{key}{ours[key]}" for key in ours if ours[key] != theirs[key]]
    return [re.sub(r"[^A-Za-z0-9.]+", "_", word) for word in words]


def _data_mark(dataset: Dataset) -> list[str]:
    return dataset.name.split("-")[2:]
