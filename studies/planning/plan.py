"""What a study at a scale consists of: data sets, runs, other samplings, and the files of each. Never imports torch.

Folders: results/SCALE/data/DATASET, results/SCALE/runs/RUN, and figures, tables and the report of the study
`thesis` in results/SCALE itself, of any other study in results/SCALE/STUDY.
"""

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path

import triangles.settings
from diffusion.settings import TrainSettings
from diffusion.store.console import flags
from studies.planning.study import Recipe, SamplingSettings, Scale, Study

DEFAULT_STUDY = "thesis"
DATA_FILES = ("train.npy", "test.npy", "vertices_train.npy", "vertices_test.npy", "dataset.json")
RUN_FILES = ("run.json", "losses.csv", "model.safetensors")
SAMPLE_FILES = ("samples.npy", "samples-frames.npy", "samples.json")
LIKELIHOOD_FILES = ("likelihood.npy", "likelihood.csv", "likelihood.json")
MEASURE_FILES = ("measures.csv", "per-image.npz")
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
        return shlex.join(self.settings.flags)

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
    def sampling_flags(self) -> str:
        """The options of `diffusion sample` for its samples: the cells of one seed share their starting noises, no two
        seeds do, or they would not be independent."""
        return f"{self.sampling.flags()} --seed {self.seed}"

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
    from_abar: float | None
    renormed: bool
    before: "Run | Resampling"

    @property
    def flags(self) -> str:
        """The options of `diffusion sample` that make it."""
        data = shlex.quote(str(self.run.dataset.folder))
        how = f" --noised {data}" if self.noised else ""
        how += f" --from-abar {self.from_abar:g}" if self.from_abar is not None else ""
        how += f" --renormed {data}" if self.renormed else ""
        return f"{self.sampling.flags()} --seed {self.run.seed} --name {self.name}{how}"

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
    recipe: Recipe
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

    def likelihood_flags(self, run: Run) -> str:
        """The options of `diffusion likelihood` that bound a run: each seed has time steps and noise of its own."""
        return f"{self.scale.likelihood.flags} --seed {run.seed}"

    def last_samples(self, run: str) -> Path:
        """The samples of a run to wait for before its folder is written by others, as it has one writer at a time."""
        return [self.run(run), *(one for one in self.resampled if one.run.name == run)][-1].samples_file

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
