"""Time to quality: every contender trains on the same images, in turns, each in its own process that can be killed and
started again; at the same moments of training all draw samples. `race_table` measures these.

What counts is the process's CPU time inside training steps (wall time is kept beside it, for it also holds what other
work took away): no imports, no building of networks, no saving and no drawing. The first, slower step after a start
counts. A folder a contender: state.pt, and for each moment at-MINUTES.npy (float32 samples) and at-MINUTES.json.
"""

import io
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from benchmarks.racing.contenders import make, planned
from diffusion.store.files import read_array, replacing, write_array, write_json

SAVE_EVERY = 60.0  # seconds of training
STATE = "state.pt"
DRAWING_STREAM, RESUMED_STREAM = 1, 2


@dataclass(frozen=True)
class Race:
    """A race: its folder, the data set's folder, and how each contender runs. count: samples at each moment."""

    folder: Path
    data: Path
    seed: int = 0
    threads: int = 1
    count: int = 200


@dataclass
class Clock:
    """Training so far: seconds of CPU and of wall time, steps, images seen."""

    cpu: float = 0.0
    wall: float = 0.0
    steps: int = 0
    images: int = 0

    def time(self, contender) -> None:
        cpu, wall = time.process_time(), time.perf_counter()
        contender.step()
        self.cpu += time.process_time() - cpu
        self.wall += time.perf_counter() - wall
        self.steps += 1
        self.images += contender.images_per_step


def seeded(seed: int, stream: int, index: int = 0) -> None:
    """The global generator, which the packages draw from, at a place of its own."""
    torch.manual_seed(int(np.random.SeedSequence([seed, stream, index]).generate_state(1)[0]))


def save(folder: Path, clock: Clock, contender) -> None:
    stream = io.BytesIO()
    torch.save({"clock": asdict(clock), "contender": contender.state()}, stream)
    with replacing(folder / STATE) as partial:
        partial.write_bytes(stream.getbuffer())


def resumed(folder: Path, spec: str, images: np.ndarray, seed: int):
    """(contender, clock) as they stand in the folder, or new."""
    contender, clock = make(spec, images, seed), Clock()
    if (folder / STATE).exists():
        saved = torch.load(folder / STATE, weights_only=True)
        clock = Clock(**saved["clock"])
        contender.load(saved["contender"])
        seeded(seed, RESUMED_STREAM, clock.steps)
    return contender, clock


def train(folder: Path, contender, clock: Clock, minutes: float) -> None:
    """Until `minutes` of CPU time are reached, or a planned run is finished; the state saved now and then."""
    saved = clock.cpu
    while not contender.finished if hasattr(contender, "finished") else clock.cpu < 60 * minutes:
        clock.time(contender)
        if clock.cpu > saved + SAVE_EVERY:
            save(folder, clock, contender)
            saved = clock.cpu
    save(folder, clock, contender)


def folder_of(race: Path, spec: str) -> Path:
    """Return a contender's folder."""
    return race / spec.replace(":", "-").replace(",", "-").replace("=", "").replace("/", "_")


def lap(race: Race, spec: str, minutes: float) -> None:
    """Take one contender on to a moment, and draw there; nothing if it has been there."""
    folder = folder_of(race.folder, spec)
    moment = folder / f"at-{minutes:06.2f}.json"
    if moment.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(race.threads)
    contender, clock = resumed(folder, spec, read_array(race.data / "train.npy"), race.seed)
    train(folder, contender, clock, minutes)
    seeded(race.seed, DRAWING_STREAM)
    start = time.process_time()
    drawn = contender.draw(race.count)
    facts = {"contender": spec, "package": contender.package, "version": version(contender.package)}
    about = {"seed": race.seed, "threads": race.threads, "torch": torch.__version__, "count": race.count}
    write_array(moment.with_suffix(".npy"), drawn)
    write_json(moment, facts | about | asdict(clock) | {"drawing_cpu": time.process_time() - start})


def run(race: Race, specs, moments) -> None:
    """Run all contenders, in turns from moment to moment; a planned run has a single moment, its end."""
    for minutes in sorted(moments):
        for spec in specs:
            _process(race, spec, 0.0 if planned(spec) else minutes)  # a plan ends where it ends


def _process(race: Race, spec: str, minutes: float) -> None:
    words = [race.folder, spec, minutes, "--data", race.data, "--seed", race.seed]
    words += ["--threads", race.threads, "--count", race.count]
    quiet = {"TQDM_DISABLE": "1", "OMP_NUM_THREADS": str(race.threads)}
    command = [sys.executable, "-m", "benchmarks", "race-lap", *map(str, words)]
    subprocess.run(command, env=os.environ | quiet, check=True)


def images_in(folder: Path) -> Path:
    """The array set of seed 0 in the race's folder, made if it is not there."""
    from triangles.datasets import write_dataset
    from triangles.settings import resolve

    write_dataset(folder / "data", resolve("array"))
    return folder / "data"
