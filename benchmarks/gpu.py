"""A GPU's speed at what the studies ask of it: training steps, network calls with their noise, a checkpoint.

Needs torch 2.11 or newer, numpy, pydantic, click, tqdm, safetensors and filelock, and not this package installed.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch

from diffusion import devices
from diffusion.denoising.model import Model
from diffusion.denoising.sampling import ImageNoise, moments
from diffusion.networks.thesis_unet import ThesisUNet
from diffusion.samplers.choosing import choose_sampler
from diffusion.saving import Saver
from diffusion.schedules import schedule
from diffusion.settings import TrainSettings
from diffusion.store.locks import locked
from diffusion.training import Trainer

__all__ = ["FAST", "WIDTHS", "measure", "table"]

WIDTHS = {"1/8": (8, 16, 32, 64, 128), "1/4": (16, 32, 64, 128, 256), "full": (64, 128, 256, 512, 1024)}
FAST = {
    "target": "bernoulli",
    "optimizer": "muon",
    "learning_rate": 0.002,
    "batch_size": 32,
    "ema": 0.995,
    "cooldown": 0.4,
    "full_skip": True,
}
BATCHES = 1, 16, 128, 512, 1024, 2048, 4096
SHAPE = 1, 32, 32


@dataclass(frozen=True)
class Row:
    """One measurement: what, how, at which widths and batch; milliseconds a call (median), and what follows from it.

    share: of the bfloat16 matrix peak that was measured first. gigabytes: the most that was allocated.
    """

    work: str
    way: str
    widths: str
    batch: int
    milliseconds: float
    images_per_second: float
    share: float | None = None
    gigabytes: float | None = None


def _clock(call: Callable[[], object], calls: int, rounds: int = 3) -> float:
    """Seconds a call, the median of some rounds."""
    found = []
    for _ in range(rounds):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            call()
        torch.cuda.synchronize()
        found.append((time.perf_counter() - start) / calls)
    return sorted(found)[rounds // 2]


def matmul_peak(side: int = 8192) -> float:
    """Return the floating-point operations a second of a bfloat16 matrix product."""
    one, other = (torch.randn(side, side, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    one @ other
    return 2 * side**3 / _clock(lambda: one @ other, 10)


def operations(network: torch.nn.Module) -> float:
    """Return the floating-point operations of one image's forward pass, those of convolutions and linear layers."""
    total = []

    def count(layer, given, result):
        if isinstance(layer, torch.nn.ConvTranspose2d):
            total.append(2 * given[0].numel() * layer.weight[0].numel())
        elif isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
            total.append(2 * result.numel() * layer.weight[0].numel())

    hooks = [layer.register_forward_hook(count) for layer in network.modules()]
    place = next(network.parameters()).device
    with torch.no_grad():
        network.eval()(torch.zeros(1, *SHAPE, device=place), torch.zeros(1, device=place, dtype=torch.long))
    for hook in hooks:
        hook.remove()
    return float(sum(total))


def _images(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2, (count, *SHAPE), dtype=np.uint8) * 255


def listing(widths: tuple[int, ...], batch: int) -> Callable[[], None]:
    """Return the thesis's listing 4.2 as a step: float32, draws on the CPU, the loss read after each step."""
    network = ThesisUNet(1, TrainSettings(widths=widths)).cuda()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    images, abar = torch.from_numpy(_images(batch)), torch.from_numpy(schedule("linear", 1000).abar).float().cuda()

    def step() -> None:
        x0, t = (images.float() / 127.5 - 1).cuda(), torch.randint(0, 1000, (batch,)).cuda()
        eps = torch.randn_like(x0)
        signal = abar[t].reshape(-1, 1, 1, 1)
        loss = (eps - network(signal.sqrt() * x0 + (1 - signal).sqrt() * eps, t)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def ours(widths: tuple[int, ...], recipe: dict, way: str, steps: int = 400) -> tuple[Trainer, Callable[[], object]]:
    """Return a trainer and its next step: `eager`, `graph`, or `compiled` (the network, inside the graph)."""
    device = replace(devices.choose("cuda"), graphs=way != "eager", compiles=way == "compiled")
    settings = TrainSettings(widths=widths, **recipe)
    trainer = Trainer(settings, _images(settings.batch_size * 4), None, device)
    trainer.steps_per_epoch = steps
    order = torch.arange(settings.batch_size).repeat(steps)
    endless = (losses for _ in cycle([0]) for losses in trainer.steps(order, trainer.source()))
    return trainer, lambda: next(endless)


def training_rows(peak: float, ways: list[tuple[str, str, str]]) -> Iterator[Row]:
    """Yield a row for each (recipe, widths, way)."""
    for recipe, widths, way in ways:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        settings = {"thesis": {}, "fast": FAST}[recipe]
        batch = settings.get("batch_size", 128)
        trainer, start = None, time.perf_counter()
        if way.startswith("listing"):
            torch.backends.cudnn.allow_tf32 = way == "listing, TF32"
            network, step = ThesisUNet(1, TrainSettings(widths=WIDTHS[widths])).cuda(), listing(WIDTHS[widths], batch)
        else:
            trainer, step = ours(WIDTHS[widths], settings, way)
            network = trainer.network
        for _ in range(6):
            step()
        torch.cuda.synchronize()
        ready = time.perf_counter() - start
        seconds = _clock(step, 20 if widths == "full" else 60)
        torch.backends.cudnn.allow_tf32 = True
        work = 3 * operations(network) * batch
        memory = torch.cuda.max_memory_allocated() / 2**30
        told = f"{recipe}, {way}" + (f" (ready after {ready:.0f} s)" if way == "compiled" else "")
        yield Row("step", told, widths, batch, seconds * 1e3, batch / seconds, work / seconds / peak, memory)
        if trainer and (recipe, widths, way) == ("thesis", "full", "graph"):
            yield from checkpoint_rows(trainer)


def checkpoint_rows(trainer: Trainer) -> Iterator[Row]:
    """Yield what a checkpoint holds the training up for, and how long it takes until it is on the disk."""
    with tempfile.TemporaryDirectory() as name, locked(Path(name)), Saver(trainer, Path(name), {}) as saver:
        start = time.perf_counter()
        saver.save()
        yield Row("checkpoint", "training waits", "full", 1, (time.perf_counter() - start) * 1e3, 0.0)
        saver.join()
        yield Row("checkpoint", "written", "full", 1, (time.perf_counter() - start) * 1e3, 0.0)


def sampling_rows(peak: float, widths: str, steps: int = 24) -> Iterator[Row]:
    """Yield network calls with their noise: steps of the ancestral sampler's path, for batches of many sizes."""
    device = devices.choose("cuda")
    settings = TrainSettings(widths=WIDTHS[widths])
    model = Model.new(settings, SHAPE, device)
    model.network.eval()
    work, sampler = operations(model.network), choose_sampler("ancestral", model.process)
    for way, quick in (("eager", model), ("graph", model.captured())):
        for batch in BATCHES:
            torch.cuda.reset_peak_memory_stats()
            noise = ImageNoise(0, range(batch), SHAPE, device.torch)
            with torch.no_grad():
                path = moments(quick, model.process.start(noise), noise, sampler)
                list(islice(path, 6))
                seconds = _clock(lambda path=path: next(path), steps // 3)
            noise.close()
            memory = torch.cuda.max_memory_allocated() / 2**30
            share = work * batch / seconds / peak
            yield Row("sampling", way, widths, batch, seconds * 1e3, batch / seconds, share, memory)


def measure(compiled: bool = True, budget: float = 90.0) -> tuple[dict, list[Row]]:
    """Return facts of the card and the rows that were measured in about `budget` seconds, the telling ones first."""
    start, rows = time.perf_counter(), []
    peak = matmul_peak()
    facts = {
        "card": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "date": time.strftime("%Y-%m-%d"),
        "bfloat16_matmul_tflops": peak / 1e12,
    }
    first = [("thesis", "full", way) for way in ("graph", "eager")]
    rest = [("thesis", "full", "compiled")] * compiled
    rest += [("thesis", "full", "listing, TF32"), ("fast", "full", "graph"), ("thesis", "full", "listing, float32")]
    rest += [(r, w, way) for w in ("1/8", "1/4") for r in ("fast", "thesis") for way in ("graph", "eager")]
    rest += [("thesis", w, way) for w in ("1/8", "1/4") for way in ("listing, TF32", "listing, float32")]
    rest += [("fast", "full", "eager")]
    sources = training_rows(peak, first), sampling_rows(peak, "full"), training_rows(peak, rest)
    for row in (row for source in sources for row in source):
        rows.append(row)
        print(line(row), flush=True)
        if time.perf_counter() - start > budget:
            print(f"stopped after {budget:g} s")
            break
    facts["seconds"] = time.perf_counter() - start
    return facts, rows


def line(row: Row) -> str:
    """Return a row in words."""
    share = f"{row.share:5.0%} of the peak" if row.share else ""
    told = f"{row.work:10s} {row.way:42s} {row.widths:5s} batch {row.batch:5d} {row.milliseconds:9.2f} ms"
    return f"{told} {row.images_per_second:10,.0f} images/s {share}"


def table(facts: dict, rows: list[Row]) -> str:
    """Return a Markdown table under a line about the card."""
    head = "; ".join(f"{name} {value:.4g}" if isinstance(value, float) else str(value) for name, value in facts.items())
    lines = [head, "", "| work | how | widths | batch | ms | images/s | share of peak | GiB |", "|---" * 8 + "|"]
    for row in rows:
        share, memory = (f"{row.share:.0%}" if row.share else ""), (f"{row.gigabytes:.1f}" if row.gigabytes else "")
        lines.append(
            f"| {row.work} | {row.way} | {row.widths} | {row.batch} | {row.milliseconds:.2f} "
            f"| {row.images_per_second:,.0f} | {share} | {memory} |"
        )
    return "\n".join(lines) + "\n"


def write(folder: Path, facts: dict, rows: list[Row]) -> None:
    """Write gpu.json and gpu.md into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    content = facts | {"rows": [asdict(row) for row in rows]}
    (folder / "gpu.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (folder / "gpu.md").write_text(table(facts, rows), encoding="utf-8")
