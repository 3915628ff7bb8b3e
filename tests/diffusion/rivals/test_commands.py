"""The commands on another family: trained, sampled, bounded and measured like diffusion; what it has not is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
from commands import FAST, call, refusal

from diffusion.family import FAMILIES
from diffusion.store.files import read_json, write_array
from diffusion.store.records import LikelihoodRecord, SamplesRecord, read_record
from studies.measures.rulers.likelihood import measure_bound


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "set").mkdir()
    rng = np.random.default_rng(0)
    for part, count in (("train", 64), ("test", 16)):
        write_array(tmp_path / "set" / f"{part}.npy", (rng.random((count, 8, 8)) < 0.3).astype(np.uint8) * 255)
    return tmp_path


def test_a_vae_goes_all_the_way(folder):
    training = ["--family", "vae", "--epochs", "2", "--batch-size", "16", "--width", "4", "--latent", "3"]
    code, said = call("diffusion", "train", "set", *training, *FAST, "--out", "run", folder=folder)
    assert code == 0, said
    assert (folder / "run/losses.csv").read_text().startswith("epoch,train_mean,train_min,train_max,test_mean,kl_mean")
    for batch, name in (("4", "a"), ("3", "b")):
        words = ["sample", "run", "--count", "8", "--batch-size", batch, "--name", name, *FAST]
        assert call("diffusion", *words, folder=folder)[0] == 0
    assert (folder / "run/a.npy").read_bytes() == (folder / "run/b.npy").read_bytes()
    code, said = call("diffusion", "likelihood", "run", "set", "--draws", "1", *FAST, folder=folder)
    assert code == 0, said
    assert "bits/dim" in said
    assert "by 1 draw of z" in said
    run = SimpleNamespace(folder=folder / "run", capabilities=FAMILIES["vae"].capabilities)
    found = {one.name: one.value for one in measure_bound(run)}
    assert found["total_bits"] == read_record(folder / "run/likelihood.json", LikelihoodRecord).total
    assert not [name for name in found if name.startswith("loss_logsnr")]
    code, said = call("diffusion", "sample", "run", "--noised", "set", "--count", "4", *FAST, folder=folder)
    assert code == 2
    assert "family vae draws an image in one call, and not in steps: leave out --noised" in refusal(said)
    record = read_record(folder / "run/a.json", SamplesRecord)
    assert record.count == 8
    assert {record.sampler, record.steps, record.clip, record.frames, record.framed, record.variance} == {None}
    assert read_record(folder / "run/likelihood.json", LikelihoodRecord).variance is None
    for words in (["--every-step"], ["--variance", "foo"], ["--draws", "0"]):
        code, said = call("diffusion", "likelihood", "run", "set", *words, *FAST, folder=folder)
        assert code == 2
        assert words[0] in refusal(said)


@pytest.mark.parametrize(
    ("family", "name", "plain", "gray"), [("vae", "pixels", "bernoulli", "logistic"), ("flow", "levels", 2, 256)]
)
@pytest.mark.parametrize("level", [255, 128])
def test_the_images_settle_what_pixels_are_and_the_run_says_so(folder, family, name, plain, gray, level):
    """One gray pixel, held out, is enough; the model that was settled is bounded, and the same run goes on."""
    images = np.load(folder / "set" / "test.npy")
    images[3, 2, 1] = level
    write_array(folder / "set" / "test.npy", images)
    small = [
        *(["--couplings", "2"] if family == "flow" else []),
        "--epochs",
        "1",
        "--batch-size",
        "16",
        "--width",
        "4",
        *FAST,
    ]
    words = ["train", "set", "--family", family, *small, "--out", "run"]
    code, said = call("diffusion", *words, folder=folder)
    assert code == 0, said
    assert read_json(folder / "run/run.json")["settings"][name] == (gray if level == 128 else plain)
    assert "already holds this run" in call("diffusion", *words, folder=folder)[1]
    assert call("diffusion", "likelihood", "run", "set", *FAST, folder=folder)[0] == 0
    if level == 128:
        code, said = call("diffusion", *words, f"--{name}", str(plain), "--replace", folder=folder)
        assert (code, f"--{name} {gray}" in refusal(said)) == (2, True)


def test_a_gan_has_no_likelihood_and_takes_no_other_familys_settings(folder):
    training = ["--family", "gan", "--epochs", "1", "--batch-size", "16", "--width", "4", *FAST, "--out", "run"]
    code, said = call("diffusion", "train", "set", *training, "--timesteps", "5", folder=folder)
    assert code == 2
    assert "--timesteps" in refusal(said)
    assert call("diffusion", "train", "set", *training, folder=folder)[0] == 0
    code, said = call("diffusion", "likelihood", "run", "set", *FAST, folder=folder)
    assert code == 2
    assert "family gan has no likelihood" in refusal(said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--family", "vae", "--schedule", "linear"],
            "--schedule belongs to family diffusion or empirical, not to vae",
        ),
        (["--penalty", "2"], "--penalty belongs to family gan, not to diffusion"),
        (["--family", "gan", "--no-full-skip"], "--no-full-skip belongs to family diffusion, not to gan"),
        (["--family", "gan", "--penalti", "2"], "No such option"),
        (
            ["--family", "flow", "--precision", "bfloat16"],
            "--precision = 'bfloat16': Input should be 'auto' or 'float32'",
        ),
    ],
)
def test_an_option_of_another_family_is_named_as_its(folder, words, said):
    code, told = call("diffusion", "train", "set", *words, "--out", "run", folder=folder)
    assert code == 2
    assert said in told


def test_the_pixels_noise_of_a_vae_is_chosen_by_the_drawing_and_told(folder):
    """Nearly untrained, each pixel is black or white as a coin is; the command's own words win over the settings."""
    training = ["--family", "vae", "--epochs", "1", "--batch-size", "16", "--width", "4", *FAST]
    drawn = {}
    for run in ("plain", "noisy"):
        words = ["train", "set", *training, *(["--pixel-noise"] if run == "noisy" else []), "--out", run]
        assert call("diffusion", *words, folder=folder)[0] == 0
        for way in ((), ("--pixel-noise",), ("--no-pixel-noise",)):
            words = ["sample", run, "--count", "8", *way, "--name", f"samples{''.join(way)}", *FAST]
            assert call("diffusion", *words, folder=folder)[0] == 0
            drawn[run, *way] = np.load(folder / run / f"samples{''.join(way)}.npy")
            told = read_record(folder / run / f"samples{''.join(way)}.json", SamplesRecord).pixel_noise
            assert told == {(): None, ("--pixel-noise",): True, ("--no-pixel-noise",): False}[way]
        assert (drawn[run, "--pixel-noise"] != drawn[run, "--no-pixel-noise"]).any()
    assert (drawn["plain",] == drawn["plain", "--no-pixel-noise"]).all()
    assert (drawn["noisy",] == drawn["noisy", "--pixel-noise"]).all()
    code, said = call("diffusion", "remake", "plain", "set", folder=folder)
    assert code == 0, said
    assert (
        call(
            "diffusion", "train", "set", "--family", "copier", *FAST, "--batch-size", "16", "--out", "c", folder=folder
        )[0]
        == 0
    )
    code, said = call("diffusion", "sample", "c", "--pixel-noise", *FAST, folder=folder)
    assert code == 2
    assert "family copier gives its pixels no distribution: leave out --pixel-noise" in refusal(said)


def test_a_family_without_weights_is_not_warned_of_their_averages(folder):
    words = ["--family", "copier", "--kept", "64", "--epochs", "1", "--batch-size", "16", "--ema", "0.999", *FAST]
    code, said = call("diffusion", "train", "set", *words, "--out", "run", folder=folder)
    assert code == 0, said
    assert "--ema" not in said


@pytest.mark.parametrize(
    "words", [("--sampler", "nonsense"), ("--steps", "5"), ("--snr", "0.2"), ("--clip",), ("--frames", "5")]
)
def test_options_of_a_path_are_refused_where_a_family_has_none(folder, words):
    training = ["--family", "copier", "--kept", "8", "--epochs", "1", "--batch-size", "16", *FAST, "--out", "run"]
    assert call("diffusion", "train", "set", *training, folder=folder)[0] == 0
    code, said = call("diffusion", "sample", "run", "--count", "2", *words, *FAST, folder=folder)
    assert code == 2
    assert f"family copier draws an image in one call, and not in steps: leave out {words[0]}" in refusal(said)
    assert not (folder / "run/samples.npy").exists()


@pytest.mark.parametrize(("levels", "gray", "fits"), [(2, 128, False), (7, 1, False), (2, 255, True), (256, 1, True)])
def test_a_flow_refuses_gray_levels_that_it_would_round(folder, levels, gray, fits):
    settings = FAMILIES["flow"].settings(levels=levels)
    images = np.array([[0, gray], [255, 0]], np.uint8)
    if fits:
        assert settings.settle(images) == settings
        return
    write_array(folder / "set" / "train.npy", np.full((16, 8, 8), gray, np.uint8))
    words = ["--family", "flow", "--levels", str(levels), "--epochs", "1", "--batch-size", "16", *FAST, "--out", "run"]
    code, said = call("diffusion", "train", "set", *words, folder=folder)
    assert code == 2
    assert f"more than the flow's {levels} gray levels" in refusal(said)
    assert not (folder / "run").exists()


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_perfect_denoiser_refuses_gray_images_before_anything_is_made(folder, part):
    write_array(folder / "set" / f"{part}.npy", np.full((16, 8, 8), 128, np.uint8))
    words = ["train", "set", "--family", "empirical", "--epochs", "1", *FAST, "--out", "run"]
    code, said = call("diffusion", *words, folder=folder)
    assert code == 2
    assert "these are not: give others" in refusal(said)
    assert not (folder / "run").exists()
