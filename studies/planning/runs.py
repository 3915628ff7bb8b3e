"""A plan's data sets, runs and other samplings: what each is made with, from and into. Never imports torch."""

import shlex
from dataclasses import dataclass
from pathlib import Path

import triangles.imported
import triangles.settings
from diffusion import family
from diffusion.settings import TrainSettings
from diffusion.store.console import flags
from studies.planning.families import DEFAULT, capabilities, variances_of
from studies.planning.study import SamplingSettings
from studies.registries import RULERS
from triangles.importing.sources import open_source_of
from triangles.kinds import KINDS

__all__ = ["Dataset", "Resampling", "Run"]

DATA_FILES = ("train.npy", "test.npy", "dataset.json")  # what others read; parameters stand beside them
RUN_FILES = ("run.json", "losses.csv", "model.safetensors")
FRAMES = "samples-frames.npy"
SAMPLE_FILES = ("samples.npy", FRAMES, "samples.json")
LIKELIHOOD_FILES = ("likelihood.npy", "likelihood.csv", "likelihood.json")
MEASURE_FILES = ("measures.csv", "per-image.npz")
REAL_FILE = "real.npz"


@dataclass(frozen=True)
class Dataset:
    """A data set of one seed. data: the study's name for it; differences: what sets it apart from that name's own;
    judged_as: the kind of picture whose rulers measure it, None for its own; rulers: what measures it and its runs'
    samples, by name, as the study's plugins say."""

    name: str
    data: str
    settings: triangles.settings.Settings | triangles.imported.Imported
    folder: Path
    differences: tuple[str, ...] = ()
    judged_as: str | None = None
    rulers: tuple[str, ...] = RULERS.names(())

    @property
    def command(self) -> str:
        """The command of `triangles` that makes this set, with its options."""
        return shlex.join(["generate" if self.drawn else "import", *self.settings.flags])

    @property
    def kind(self) -> str:
        """The kind of picture by whose rulers the set is measured."""
        return self.judged_as or self.settings.kind

    @property
    def drawn(self) -> bool:
        """Whether the pictures are drawn here; else they are imported."""
        return KINDS[self.settings.kind].drawn

    @property
    def source_files(self) -> list[Path]:
        """The files that imported pictures come from; none of drawn ones."""
        return [] if self.drawn else open_source_of(self.settings).files

    @property
    def files(self) -> list[Path]:
        return [self.folder / name for name in DATA_FILES]

    @property
    def drawing_modules(self) -> tuple[str, ...]:
        """The modules that, with all they import, decide the set's bytes."""
        imported = () if self.drawn else ("triangles.importing.writing", "triangles.importing.sources")
        return (*KINDS[self.settings.kind].drawing_modules, *imported)

    @property
    def measuring_modules(self) -> tuple[str, ...]:
        """The modules that, with all they import, decide what is measured of images like these."""
        drawn, judged = KINDS[self.settings.kind], KINDS[self.kind]
        rulers = [RULERS.module(name) for name in self.rulers]
        modules = (*drawn.drawing_modules, *judged.drawing_modules, *judged.fitting_modules)
        return ("studies.measures.measuring", *rulers, *dict.fromkeys(modules))

    @property
    def real_file(self) -> Path:
        """The held-out real images, measured."""
        return self.folder / REAL_FILE


@dataclass(frozen=True)
class Run:
    """One cell of the grid at one seed, or its extension (`base` is then the run that it extends)."""

    name: str
    data: str
    model: str
    seed: int
    dataset: Dataset
    training: TrainSettings
    sampling: SamplingSettings
    folder: Path
    base: "Run | None" = None

    @property
    def capabilities(self) -> frozenset[str]:
        """What the run's family of models can do, such as `frames` and `likelihood`."""
        return capabilities(self.training)

    @property
    def training_modules(self) -> tuple[str, ...]:
        """The modules that, with all they import, decide the trained model."""
        return family.training_sources(self.training)

    @property
    def sampling_modules(self) -> tuple[str, ...]:
        return family.sampling_sources(self.training, self.sampling.sampler)

    @property
    def likelihood_modules(self) -> tuple[str, ...]:
        return family.likelihood_sources(self.training)

    @property
    def sample_files(self) -> list[Path]:
        return [self.folder / name for name in SAMPLE_FILES if name != FRAMES or "frames" in self.capabilities]

    @property
    def likelihood_files(self) -> list[Path]:
        return [self.folder / name for name in LIKELIHOOD_FILES if "likelihood" in self.capabilities]

    @property
    def training_flags(self) -> str:
        """The options of `diffusion train` that make this run."""
        family = "" if self.training.family == DEFAULT else f"--family {self.training.family} "
        start = f" --start-from {shlex.quote(str(self.start_from.folder))}" if self.start_from else ""
        return family + flags(self.training) + start

    @property
    def sampling_flags(self) -> str:
        """The options of `diffusion sample` for its samples: the cells of one seed share their starting noises, no two
        seeds do, or they would not be independent."""
        return f"{self.flags_of(self.sampling)} --seed {self.seed}"

    def flags_of(self, sampling: SamplingSettings) -> str:
        """Return the options of `diffusion sample` for a sampling of this run."""
        return sampling.flags(variances_of(self.training), "frames" in self.capabilities)

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
        trained = [self.folder / name for name in (*RUN_FILES[:2], SAMPLE_FILES[0])]
        return [*trained, *self.likelihood_files, self.dataset.folder / "train.npy", self.dataset.real_file]

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
    before: "Run | Resampling"
    noised: bool = False
    from_abar: float | None = None
    matched: bool = False
    renormed: bool = False

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that, with all they import, decide these samples."""
        partial = ("diffusion.denoising.partial",) if self.from_abar is not None else ()
        matched = ("diffusion.denoising.matched",) if self.matched else ()
        renorming = ("diffusion.denoising.renorming",) if self.renormed else ()
        return (*family.sampling_sources(self.run.training, self.sampling.sampler), *partial, *matched, *renorming)

    @property
    def flags(self) -> str:
        """The options of `diffusion sample` that make it."""
        data = shlex.quote(str(self.run.dataset.folder))
        how = f" --noised {data}" if self.noised else ""
        how += f" --from-abar {self.from_abar:g}" if self.from_abar is not None else ""
        how += f" --matched {data}" if self.matched else ""
        how += f" --renormed {data}" if self.renormed else ""
        return f"{self.run.flags_of(self.sampling)} --seed {self.run.seed} --name {self.name}{how}"

    @property
    def files(self) -> list[Path]:
        return [path.with_name(f"{self.name}{path.name.removeprefix('samples')}") for path in self.run.sample_files]

    @property
    def samples_file(self) -> Path:
        return self.files[0]

    @property
    def measure_file(self) -> Path:
        return self.run.folder / f"{self.name}-{MEASURE_FILES[0]}"
