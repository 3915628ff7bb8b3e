"""Make the data sets, runs and other samplings of a study at a scale, each named by its settings."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel

import triangles.imported
import triangles.settings
from diffusion.store.names import LIKELIHOOD, SAMPLES, check_name
from studies.planning.checks import (
    check_batches,
    check_extended,
    check_judged_as,
    check_levels,
    check_resampled,
    check_sampling,
    check_size,
    is_among,
)
from studies.planning.families import DEFAULT, settings_class, stands_for, understood, variances_of
from studies.planning.reading import validated
from studies.planning.runs import Dataset, Resampling, Run
from studies.planning.study import Recipe, Resampled, SamplingSettings, Scale, Scales, Study
from studies.registries import RULERS
from triangles.importing.sources import open_source

__all__ = ["Maker"]

SIZES = ("count", "test_count", "epochs", "framed")  # what a scale that only shows the wiring holds to its own
LONGEST = 120  # letters of a folder's name: file systems take 255 bytes, and other names are made of it


@dataclass(frozen=True)
class Maker:
    """Merges what recipe, scale, study and variant say into a run's settings, and names it by what differs."""

    study: Study
    scales: Scales
    scale: Scale
    where: str
    folder: Path
    _cells: dict = field(default_factory=dict, compare=False)  # what was put together, by name
    _others: dict = field(default_factory=dict, compare=False)
    _sets: dict = field(default_factory=dict, compare=False)

    def run(self, data: str, model: str, seed: int, base: Run | None = None, **more) -> Run:
        """Return a cell's run at a seed; all but the seed is put together and checked once a cell."""
        key = (data, model, *sorted(more.items()))
        if key not in self._cells:
            self._cells[key] = self._cell(data, model, seed, more)
        training, sampling, words = self._cells[key]
        dataset = self.dataset(data, seed)
        where = f"{self.where}: models.{model} on data.{data}"
        check_size(training, dataset.settings.size, where)
        check_batches(training, dataset.settings.count, where)
        check_levels(training, dataset.settings, where)
        name = _shorten([data, model, f"seed{seed}", *words, *dataset.differences])
        training = training.model_copy(update={"seed": seed})
        return Run(name, data, model, seed, dataset, training, sampling, self.folder / "runs" / name, base)

    def _cell(self, data: str, model: str, seed: int, more: dict) -> tuple[BaseModel, SamplingSettings, list[str]]:
        """Return a cell's settings of training and sampling, and what sets them apart, in words for its name."""
        training, plain = self._training(model, seed, more)
        ours = self._held(self.study.sampling | self.study.models[model].sampling, self.scale.sampling)
        sampling = validated(SamplingSettings, self.scale.sampling | ours, f"{self.where}: sampling")
        usual = validated(SamplingSettings, self.scale.sampling, f"{self.where}: sampling")
        variances = variances_of(training)
        check_sampling(training, sampling, f"{self.where}: sampling")
        words = _differences(training.model_dump(mode="json"), plain)
        return (
            training,
            sampling,
            words + _differences(*(_prefixed(one.complete(variances)) for one in (sampling, usual))),
        )

    def _training(self, model: str, seed: int, more: dict) -> tuple[BaseModel, dict]:
        """Return a model's training settings, and those that its name stands for at this scale."""
        where, variant, said = f"{self.where}: models.{model}", self.study.models[model], stands_for(model)
        kind = settings_class(said | self.study.training | variant.settings)
        recipe = self._find_recipe(variant.recipe, where).training if variant.recipe else {}
        given = understood(recipe, kind) | understood(self.study.training, kind) | variant.settings
        common = understood(self.recipe.training | self.scale.training, kind) | {"seed": seed}
        given = self._held(given, common)
        said = understood(said, kind)
        family = {name: value for name, value in given.items() if name == "family"}
        training = validated(kind, common | said | given | more, where)
        plain = validated(kind, common | said | family, where).model_dump(mode="json")
        usual = {option: field.default for option, field in kind.model_fields.items()}  # of other processes' options
        return training, usual | plain | {"family": said.get("family", DEFAULT)}

    def extended(self, seed: int) -> Run:
        extended = self.study.extended
        base = self.run(extended.data, extended.model, seed)
        epochs = round(extended.epochs_factor * base.training.epochs)
        run = self.run(extended.data, extended.model, seed, base, epochs=epochs)
        check_extended(run, self.where)
        return run

    def resampled(self, run: Run) -> list[Resampling]:
        made = [run]
        for name, how, sampling in self._ways(run):
            made.append(Resampling(name, run, sampling, made[-1], **_tell_start(how)))
        return made[1:]

    def _ways(self, run: Run) -> list[tuple[str, Resampled, SamplingSettings]]:
        """Return how else a run's cell is sampled, checked once a cell."""
        key = (run.data, run.model)
        if key not in self._others:
            self._others[key] = [
                one for name, how in self.study.resampled.items() if (one := self._way(run, name, how))
            ]
        return self._others[key]

    def _way(self, run: Run, name: str, how: Resampled) -> tuple[str, Resampled, SamplingSettings] | None:
        where = f"{self.where}: resampled.{name}"
        _check_name(name, where)
        asked = self._held(how.sampling, self.scale.sampling)
        sampling = validated(SamplingSettings, run.sampling.model_dump() | asked, where)
        if not is_among(run, how.cells):
            return None
        check_sampling(run.training, sampling, where)
        check_resampled(Resampling(name, run, sampling, run, **_tell_start(how)), asked, where)
        return name, how, sampling

    def _held(self, given: Mapping, most: Mapping) -> dict:
        """Return what a study asks for, its sizes no larger than the scale's where that only shows the wiring."""
        if not self.scale.wiring:
            return dict(given)
        held = {
            name: min(given[name], most[name]) for name in SIZES if name in most and isinstance(given.get(name), int)
        }
        return {**given, **held}

    def dataset(self, data: str, seed: int) -> Dataset:
        """Return a data set at a seed; all but the seed is put together and checked once a name."""
        if data not in self._sets:
            self._sets[data] = self._set(data, seed)
        settings, differences = self._sets[data]
        name, judged_as = _shorten([data, f"seed{seed}", *differences]), self.study.data[data].judged_as
        settings = replace(settings, seed=seed)
        rulers = RULERS.names(self.study.plugins)
        return Dataset(name, data, settings, self.folder / "data" / name, tuple(differences), judged_as, rulers)

    def _set(self, data: str, seed: int) -> tuple[triangles.settings.Settings | triangles.imported.Imported, list[str]]:
        common = self.scale.data | {"seed": seed}
        given = self._held(self.study.data[data].settings, common)
        if "images" in given:
            return self._imported(data, given, common)
        said = data if data in triangles.settings.PREPARATIONS else None
        preparation = given.pop("preparation", said)
        try:
            plain = triangles.settings.resolve(said, **common)
            settings = triangles.settings.resolve(preparation, **common | given)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{self.where}: data.{data}: {error}") from None
        judged_as = check_judged_as(self.study.data[data].judged_as, settings.kind, f"{self.where}: data.{data}")
        return settings, _differences(asdict(settings), asdict(plain)) + judged_as

    def _imported(self, data: str, given: dict, common: dict) -> tuple[triangles.imported.Imported, list[str]]:
        """Return the settings of a set of imported pictures, which are listed for it but not read."""
        where, source = f"{self.where}: data.{data}", given.pop("images")
        usual = {name: common[name] for name in ("size", "seed") if name in common}
        try:
            found = open_source(source, given.get("values"), given.get("channels"))
            plain = triangles.imported.resolve_import(source, len(found.names), **usual)
            settings = triangles.imported.resolve_import(source, len(found.names), **usual | given)
        except FileNotFoundError:
            raise ValueError(f"{where}: there is no {source}: give the path of a folder of pictures") from None
        except (ValueError, TypeError, OSError) as error:
            raise ValueError(f"{where}: {error}") from None
        if self.study.data[data].judged_as:
            raise ValueError(f"{where}: imported pictures are judged as no kind: leave judged_as out")
        # two studies may call other pictures by one name, in one folder of results
        return settings, [f"of_{_word(str(source)).strip('_.')}", *_differences(asdict(settings), asdict(plain))]

    @property
    def recipe(self) -> Recipe:
        return self._find_recipe(self.scale.recipe, self.where)

    def _find_recipe(self, name: str, where: str) -> Recipe:
        if name not in self.scales.recipes:
            raise ValueError(f"{where}: unknown recipe {name!r}: choose from {', '.join(self.scales.recipes)}")
        return self.scales.recipes[name]


def _check_name(name: str, where: str) -> None:
    """Check that other samples of a run do not take its own files, as `diffusion sample` will ask."""
    try:
        check_name(name, SAMPLES, LIKELIHOOD)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _tell_start(how: Resampled) -> dict:
    """Return what sets another sampling apart besides its settings: where it starts, and from which model."""
    return how.model_dump(include={"noised", "from_abar", "matched", "renormed"})


def _shorten(parts: list[str]) -> str:
    """Join a name's parts; of one too long for a file system keep its beginning, and a digest of all of it."""
    name = "-".join(parts)
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 17].rstrip('-_.')}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _prefixed(sampling: dict) -> dict:
    return {f"sampling_{name}": value for name, value in sampling.items()}


def _differences(ours: dict, theirs: dict) -> list[str]:
    """Return what sets these settings apart from the scale's own, as words fit for a file name."""
    words = [f"{key}{ours[key]}" for key in ours if ours[key] != theirs[key]]
    return [_word(word) for word in words]


def _word(text: str) -> str:
    """Return a text as a word fit for a file name."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", text)
