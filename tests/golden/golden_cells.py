"""Names the cells: what is trained on which data, and how it is sampled and bounded, in words of the commands."""

from typing import NamedTuple

ON = ("--device", "cpu", "--threads", "1")
SMALL = ("--size", "8", "--count", "64", "--test-count", "16", "--seed", "1", "--workers", "1")
DATA = {name: ("--preparation", name) for name in ("low", "high", "array")}  # and colour, see golden_files.py
LOSSES = ("epoch", "train_mean", "train_min", "train_max", "test_mean")  # the other columns are seconds

TINY = "--widths 4,8 --time-dims 8 --batch-size 16 --precision float32 --timesteps 30 --beta-max 0.3 --seed 2"
THESIS = "--target eps --optimizer adam --learning-rate 0.001 --time-draw uniform --ema 0 --cooldown 0 --no-full-skip"
FAST = "--target bernoulli --optimizer muon --learning-rate 0.002 --ema 0.995 --cooldown 0.4 --full-skip"


class Cell(NamedTuple):
    """What is trained: on which data set, which network, and the rest of the command line."""

    data: str
    network: str
    rest: str

    @property
    def words(self):
        return [*TINY.split(), "--network", self.network, *self.rest.split()]


# Both recipes of scales.yaml, and between them every network, target, optimiser, time draw and range of values.
# Power 10 ends with more signal left than the others, and so does wave with the usual betas over so few steps.
CELLS = {
    "thesis-linear": Cell("low", "thesis", THESIS),
    "thesis-wave": Cell("high", "thesis", f"{THESIS} --schedule wave --beta-max 0.02"),
    "fast-linear": Cell("low", "thesis", FAST),
    "fast-power-10": Cell("array", "thesis", f"{FAST} --schedule power-10"),
    "v-muon": Cell("high", "thesis", "--target v --optimizer muon --time-draw stratified --schedule cosine --ema 0.9"),
    "x0-unit": Cell("array", "thesis", "--target x0 --value-range unit --schedule sigmoid --cooldown 0.5"),
    "residual-eps": Cell("array", "residual", "--time-draw stratified --ema 0.9 --schedule power-2"),
    "residual-x0-unit": Cell(
        "low", "residual", "--target x0 --optimizer muon --value-range unit --no-drop-last --batch-size 24"
    ),
    "colour-eps": Cell("colour", "thesis", THESIS),
    "colour-bernoulli": Cell("colour", "residual", "--target bernoulli --optimizer muon --schedule wave --ema 0.5"),
    "colour-v-unit": Cell("colour", "thesis", "--target v --value-range unit --full-skip --schedule power-1.5"),
}

EXTENDED = ("thesis-linear", "v-muon")  # cells that are also trained on, for a third epoch

RENORMED = "renormed"
SAMPLINGS = {
    "ancestral": (),
    "tilde": ("--variance", "beta-tilde"),
    "respaced": ("--steps", 10),
    "clip": ("--clip",),
    "ddim": ("--sampler", "ddim", "--steps", 10),
    "dpm-solver": ("--sampler", "dpm-solver", "--steps", 10),
    "noised": ("--noised", "DATA"),
    "halfway": ("--noised", "DATA", "--from-abar", 0.8),
    RENORMED: ("--renormed", "DATA"),
}
BOUNDS = {
    "bound": ("--images", 16, "--draws", 4),
    "bound-tilde": ("--images", 16, "--draws", 4, "--variance", "beta-tilde"),
    "bound-every": ("--images", 2, "--every-step"),
}
