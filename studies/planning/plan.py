"""A study at a scale: its data sets, runs and other samplings, and the files of each. Never imports torch.

Folders: results/SCALE/data/DATASET, results/SCALE/runs/RUN, and figures, tables and the report of the study
`thesis` in results/SCALE itself, of any other study in results/SCALE/STUDY.
"""

import hashlib
import shlex
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from pathlib import Path

from studies.planning.runs import (
    DATA_FILES,
    FRAMES,
    LIKELIHOOD_FILES,
    MEASURE_FILES,
    RUN_FILES,
    SAMPLE_FILES,
    Dataset,
    Resampling,
    Run,
)
from studies.planning.study import Recipe, Scale, Study

__all__ = ["DEFAULT_STUDY", "Plan"]

DEFAULT_STUDY = "thesis"
INNER = ("data", "runs", "figures", "tables", "logs", "benchmarks")  # folders in a results folder
OF_NOISE = ("schedule", "timesteps", "beta_min", "beta_max")  # settings that a noise schedule follows from
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#332288", "#999933", "#000000"]
# Okabe and Ito's (Color Universal Design, 2008) and Tol's "muted": told apart by the colour-blind too


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
    left_out: tuple[str, ...] = ()  # what the study asks for and its grid has no cells for

    data_files, run_files, sample_files, frames_file = DATA_FILES, RUN_FILES, SAMPLE_FILES, FRAMES
    likelihood_files, measure_files = LIKELIHOOD_FILES, MEASURE_FILES

    @cached_property
    def datasets(self) -> tuple[Dataset, ...]:
        return tuple({run.dataset.name: run.dataset for run in self.runs}.values())

    @cached_property
    def grid(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.base is None)

    @property
    def extended(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.base is not None)

    @property
    def cells(self) -> tuple[tuple[str, str], ...]:
        return self.study.cells

    @property
    def data_names(self) -> tuple[str, ...]:
        """The grid's columns."""
        return tuple(dict.fromkeys(data for data, _ in self.cells))

    @property
    def model_names(self) -> tuple[str, ...]:
        """The grid's rows."""
        return tuple(dict.fromkeys(model for _, model in self.cells))

    def label(self, name: str) -> str:
        """Return what people read for data or a model of that name."""
        return (self.study.data.get(name) or self.study.models[name]).label or name

    def tell(self, one: Run | Dataset) -> str:
        """Tell people which run or data set it is, such as `linear on 720 px, seed 0`; its name is its folder's."""
        if isinstance(one, Dataset):
            return f"{self.label(one.data)}, seed {one.settings.seed}"
        longer = f", {one.training.epochs} epochs" if one.base else ""
        return f"{self.label(one.model)} on {self.label(one.data)}, seed {one.seed}{longer}"

    @property
    def told(self) -> dict[str, str]:
        """What people read for each run, each data set, and each figure of one data set, by its name."""
        from studies.registries import FIGURES, shown

        figures = [shown(FIGURES, one.name, self) for one in self.study.figures]
        told = {f.name: f"{f.name.removesuffix(f'-{f.data}')}, {self.label(f.data)}" for f in figures if f.data}
        return told | {one.name: self.tell(one) for one in (*self.datasets, *self.runs)}

    def colour(self, model: str) -> str:
        """Return the colour of a model in every figure, #rrggbb: its own, or the next that no other model has."""
        models = self.study.models
        free = [one for one in COLOURS if one not in {variant.colour for variant in models.values()}]
        chosen = dict(zip([name for name in models if models[name].colour is None], cycle(free), strict=False))
        return models[model].colour or chosen[model]

    @property
    def plugins(self) -> str:
        """The options by which `triangles` and `diffusion` import the study's plugins."""
        return " ".join(f"--plugin {shlex.quote(name)}" for name in self.study.plugins)

    @property
    def output(self) -> Path:
        """Where this study's figures, tables and report go."""
        return self.folder if self.study_name == DEFAULT_STUDY else self.folder / self.study_name

    def check_way(self) -> None:
        """Check that everything which is made goes into the results folder, which may itself be a symlink.

        Raises:
            ValueError: a symlink stands inside it, where the scale's folder or one of those in it goes.
        """
        inner = [place / name for place in (self.folder, self.output) for name in INNER]
        for folder in (self.folder, self.output, *inner):
            if folder.is_symlink():
                raise ValueError(
                    f"{folder} is a symlink, and nothing is written through one inside a results folder: remove it, "
                    "and give the folder that it leads to as results, whole"
                )

    @property
    def shown(self) -> str:
        """A digest of what figures and tables show beyond their files: names, colours, noise schedules and claims."""
        noise = {(run.model, *(getattr(run.training, name, None) for name in OF_NOISE)) for run in self.grid}
        names = [(name, self.label(name)) for name in (*self.data_names, *self.model_names)]
        colours = [self.colour(name) for name in self.model_names]
        text = repr([sorted(noise, key=repr), names, colours, [claim.model_dump() for claim in self.study.claims]])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def _by_name(self) -> dict[str, dict]:
        """What is looked up by name: runs, data sets, and other samplings by run."""
        others: dict[str, list[Resampling]] = {}
        for one in self.resampled:
            others.setdefault(one.run.name, []).append(one)
        runs, sets = ({one.name: one for one in many} for many in (self.runs, self.datasets))
        return {"runs": runs, "sets": sets, "others": others}

    def run(self, name: str) -> Run:
        if name in self._by_name["runs"]:
            return self._by_name["runs"][name]
        return _one(self.runs, name, f"run of study {self.study_name} at scale {self.scale_name}")

    def resampling(self, name: str, run: str) -> Resampling:
        here = tuple(self._by_name["others"].get(run, ()))
        return _one(here, name, f"other sampling of {run} in study {self.study_name}")

    def likelihood_flags(self, run: Run) -> str:
        """Return the options of `diffusion likelihood` for a run: each seed has time steps and noise of its own."""
        return f"{self.scale.likelihood.flags} --seed {run.seed}"

    def last_samples(self, run: str) -> Path:
        """Return the samples to wait for before others write to the run's folder, which has one writer at a time."""
        return [self.run(run), *self._by_name["others"].get(run, ())][-1].samples_file

    def dataset(self, name: str) -> Dataset:
        if name in self._by_name["sets"]:
            return self._by_name["sets"][name]
        return _one(self.datasets, name, f"data set of study {self.study_name} at scale {self.scale_name}")

    def cell(self, data: str, model: str, seed: int | None = None) -> Run:
        """Return the grid's run of a cell, at the first seed unless told otherwise."""
        wanted = (data, model, self.scale.seeds[0] if seed is None else seed)
        return next(run for run in self.grid if (run.data, run.model, run.seed) == wanted)


def _one(items, name: str, kind: str):
    for item in items:
        if item.name == name:
            return item
    raise ValueError(f"no {kind} is called {name!r}: choose from {', '.join(item.name for item in items)}")
