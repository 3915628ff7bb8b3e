"""Training on a few images: it can fit them, equal seeds give equal bytes, and interruption changes nothing."""

import numpy as np
import pytest
import torch

from diffusion.checkpoints import as_bytes, load_model, read_tensors, restore, save_model, save_state, tensors_of
from diffusion.denoising.learner import Batch, losses
from diffusion.denoising.model import Model
from diffusion.denoising.sampling import sample
from diffusion.devices import choose
from diffusion.images import to_network, to_unit
from diffusion.processes import TIME_DRAWS
from diffusion.processes.gaussian import Gaussian
from diffusion.samplers import SAMPLERS
from diffusion.schedules import schedule
from diffusion.settings import TrainSettings
from diffusion.store.files import as_images
from diffusion.streams import generator
from diffusion.training import DivergedError, Trainer

RECIPES = {
    "thesis": {},
    "fast": {"target": "bernoulli", "optimizer": "muon", "full_skip": True, "ema": 0.9, "cooldown": 0.5},
    "residual": {"network": "residual", "target": "v", "time_draw": "stratified", "value_range": "unit"},
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return as_images((rng.random((48, 8, 8)) < 0.3).astype(np.uint8) * 255)


def small(**more):
    return TrainSettings(**({"widths": (4, 8), "epochs": 2, "batch_size": 16, "precision": "float32"} | more))


def weights(trainer):
    return {name: value.numpy().tobytes() for name, value in tensors_of(trainer).items()}


def finished(settings, images):
    trainer = Trainer(settings, images, images[:10])
    return trainer, [(r.train_mean, r.train_min, r.train_max, r.test_mean) for r in trainer.epochs()]


@pytest.mark.parametrize("recipe", RECIPES)
def test_equal_seeds_give_equal_bytes_and_others_do_not(recipe, images):
    one, other, third = (finished(small(seed=seed, **RECIPES[recipe]), images) for seed in (0, 0, 1))
    assert weights(one[0]) == weights(other[0])
    assert one[1] == other[1]
    assert weights(one[0]) != weights(third[0])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_resumed_run_is_the_undisturbed_run_byte_for_byte(recipe, precision, images, tmp_path):
    settings = small(epochs=3, precision=precision, **RECIPES[recipe])
    undisturbed, records = finished(settings, images)
    first = Trainer(settings, images, images[:10])
    next(first.epochs())
    save_state(first, tmp_path / "checkpoint")
    second = Trainer(settings, images, images[:10])
    restore(second, tmp_path / "checkpoint")
    assert second.epoch == 1
    list(second.epochs())
    assert weights(second) == weights(undisturbed)
    assert [(r.train_mean, r.train_min, r.train_max, r.test_mean) for r in second.records] == records


def test_an_extension_is_the_long_run_and_a_cooldown_forbids_it(images, tmp_path):
    short, _ = finished(small(epochs=1), images)
    save_state(short, tmp_path / "checkpoint")
    long = Trainer(small(epochs=2), images, images[:10])
    restore(long, tmp_path / "checkpoint")
    list(long.epochs())
    assert weights(long) == weights(finished(small(epochs=2), images)[0])
    with pytest.raises(ValueError, match="other settings"):
        restore(Trainer(small(epochs=2, cooldown=0.5), images), tmp_path / "checkpoint")


DAMAGE = {
    "out of range": lambda tensors: tensors.update({"optimizer.0.999.exp_avg": torch.zeros(3)}),
    "unknown": lambda tensors: tensors.update({"optimizer.1.0.momentum_buffer": torch.zeros(3)}),
    "missing": lambda tensors: tensors.pop("optimizer.0.0.exp_avg"),
    "none": lambda tensors: [tensors.pop(name) for name in list(tensors) if name.startswith("optimizer")],
    "other shape": lambda tensors: tensors.update({"optimizer.0.0.exp_avg": torch.zeros(1)}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_checkpoint_of_other_tensors_is_refused_and_changes_nothing(damage, images, tmp_path):
    first, second = Trainer(small(), images), Trainer(small(), images)
    next(first.epochs())
    save_state(first, tmp_path / "checkpoint")
    tensors, metadata = read_tensors(tmp_path / "checkpoint")
    DAMAGE[damage](tensors)
    (tmp_path / "checkpoint").write_bytes(as_bytes(tensors, metadata))
    before = weights(second)
    with pytest.raises(ValueError, match=r"does not fit this run \(optimizer\.\S+ is missing, .*--replace it"):
        restore(second, tmp_path / "checkpoint")
    assert weights(second) == before
    assert second.epoch == 0


def test_a_trainer_that_has_not_stepped_is_restored_too(images, tmp_path):
    first, second = Trainer(small(), images), Trainer(small(), images)
    save_state(first, tmp_path / "checkpoint")
    restore(second, tmp_path / "checkpoint")
    assert (second.epoch, weights(second)) == (0, weights(first))


def test_the_average_is_that_of_the_weights_after_each_step_with_the_last_statistics(images):
    trainer, decay, means = Trainer(small(ema=0.8, epochs=1), images), 0.8, None
    step = trainer.learner.step

    def followed(batch):
        nonlocal means
        losses = step(batch)
        now = {name: p.detach().double() for name, p in trainer.network.named_parameters()}
        means = now if means is None else {k: decay * means[k] + (1 - decay) * now[k] for k in now}
        return losses

    trainer.learner.step = followed
    next(trainer.epochs())
    averaged, trained = trainer.trained.network.state_dict(), trainer.network.state_dict()
    assert trainer.steps_per_epoch > 2
    for name, value in averaged.items():
        if name in means:
            torch.testing.assert_close(value, means[name].float(), rtol=1e-5, atol=1e-7)
        else:
            assert torch.equal(value, trained[name])


def test_cells_share_weights_order_steps_and_noise(images, monkeypatch):
    """The paired design: what enters the network's first step differs between schedules only through abar."""
    seen, original = {}, Gaussian.noised
    for name in ("linear", "power-10"):
        trainer = Trainer(small(schedule=name, epochs=1), images)
        seen[name] = {"weights": {k: v.clone() for k, v in trainer.network.state_dict().items()}}

        def noised(process, x0, t, eps, seen=seen[name]):
            seen.setdefault("draw", (x0, t, eps))
            return original(process, x0, t, eps)

        monkeypatch.setattr(Gaussian, "noised", noised)
        next(trainer.epochs())
    a, b = seen["linear"], seen["power-10"]
    assert all(torch.equal(a["weights"][k], b["weights"][k]) for k in a["weights"])
    assert all(torch.equal(x, y) for x, y in zip(a["draw"], b["draw"], strict=True))


@pytest.mark.parametrize("recipe", RECIPES)
def test_one_batch_can_be_overfitted(recipe, images):
    rates = {"learning_rate": 3e-3, "widths": (16, 32), "epochs": 200, "batch_size": 4}
    trainer = Trainer(small(**RECIPES[recipe] | rates | {"cooldown": 0.3}), images[:4])
    records = list(trainer.epochs())
    last = np.mean([r.means["objective"] for r in records[-20:]])
    assert last < 0.6 * records[0].means["objective"]


def test_the_test_loss_moves_nothing(images):
    trainer = Trainer(small(), images, images[:10])
    next(trainer.epochs())
    before = weights(trainer)
    assert trainer.test_loss() == trainer.test_loss()
    assert weights(trainer) == before


def test_a_loss_that_is_not_finite_stops_the_run_by_name(images):
    trainer = Trainer(small(epochs=3), images)
    next(trainer.epochs())
    with torch.no_grad():
        trainer.network.last.bias.fill_(float("inf"))
    with pytest.raises(DivergedError, match="epoch 2, step 1"):
        next(trainer.epochs())
    assert trainer.epoch == 1


def test_time_steps_are_uniform_and_stratified_ones_even():
    even = TIME_DRAWS["stratified"](1000, 100, generator(0, 1)).sort().values
    assert even.diff().min() >= 9
    assert even.diff().max() <= 11
    for draw in TIME_DRAWS:
        source = generator(3, 1)
        counts = torch.stack([TIME_DRAWS[draw](10, 7, source) for _ in range(3000)]).flatten().bincount(minlength=10)
        assert len(counts) == 10
        assert (counts - 2100).abs().max() < 5 * 2100**0.5


def test_a_saved_model_is_the_same_model(images, tmp_path):
    trainer, _ = finished(small(**RECIPES["fast"]), images)
    save_model(trainer.trained, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors", choose(precision="float32"))
    ours, theirs = (sample(m, 3, seed=1, steps=5).images for m in (trainer.trained, loaded))
    np.testing.assert_array_equal(ours, theirs)


class Exact(Model):
    """E[x_0 | x_t] of a finite data set: its points weighted by softmax(-|x_t - sqrt(abar) y|^2 / 2 (1 - abar))."""

    def __init__(self, points, T, kind="x0", name="linear"):
        device = choose("cpu", "float32")
        process = Gaussian(schedule(name, T))
        super().__init__(
            TrainSettings(schedule=name, timesteps=T, target=kind), points.shape[1:], None, process, device
        )
        self.points = points

    def output(self, xt, t):
        a, s = self.process.at("sqrt_abar", t, xt), self.process.at("sqrt_1m_abar", t, xt)
        distances = (xt[:, None] - a[:, None] * self.points).flatten(2).square().sum(2)
        weights = torch.softmax(-distances / (2 * s.flatten()[:, None] ** 2), dim=1)
        x0 = torch.einsum("bn,nchw->bchw", weights, self.points)
        return x0 if self.settings.target == "x0" else (xt - a * x0) / s


@pytest.mark.parametrize("kind", ["x0", "eps"])
@pytest.mark.parametrize(
    ("sampler", "options"),
    [
        ("ancestral", {}),
        ("ancestral", {"variance": "beta-tilde"}),
        ("ancestral", {"clip": True}),
        *((name, {"steps": 40}) for name in SAMPLERS),
    ],
)
def test_samplers_recover_a_tiny_data_set_from_its_exact_denoiser(sampler, options, kind):
    points = torch.sign(torch.randn(5, 1, 4, 4, generator=generator(0, 9)))
    drawn = sample(Exact(points, 500, kind), 200, seed=3, sampler=sampler, **options).images
    truth = ((points[:, 0] + 1) / 2).numpy()
    errors = np.abs(drawn[:, None] - truth).max(axis=(2, 3))
    assert (errors.min(1) < 0.02).mean() > 0.98
    shares = np.bincount(errors.argmin(1), minlength=5) / 200
    assert shares.min() > 0.08  # each point has probability 1/5: 0.08 is over four standard errors below


def test_an_image_does_not_depend_on_its_batch(images):
    trainer, _ = finished(small(), images)
    whole = sample(trainer.trained, 7, seed=5, steps=20, batch_size=7)
    parts = sample(trainer.trained, 7, seed=5, steps=20, batch_size=3)
    np.testing.assert_allclose(whole.images, parts.images, atol=1e-4)
    np.testing.assert_allclose(whole.frames, parts.frames, atol=1e-4)
    other = sample(trainer.trained, 7, seed=6, steps=20, batch_size=7)
    assert np.abs(whole.images - other.images).max() > 0.1


def test_a_start_from_noised_images_is_the_distribution_the_model_was_trained_on():
    """Three steps of a late schedule leave nearly all signal: the exact denoiser finds noised images again."""
    points = torch.sign(torch.randn(5, 1, 4, 4, generator=generator(0, 9)))
    model, images = Exact(points, 3, name="power-10"), ((points.numpy() + 1) * 127.5).astype(np.uint8)
    found = sample(model, 5, noised=images).images
    np.testing.assert_allclose(found, images[:, 0] / 255, atol=0.01)
    np.testing.assert_allclose(sample(model, 5, noised=images, batch_size=2).images, found, atol=1e-5)
    assert np.abs(sample(model, 5).images - found).max() > 0.5
    with pytest.raises(ValueError, match="6 images"):
        sample(model, 6, noised=images)


def test_frames_run_from_noise_to_the_sample():
    model = Exact(torch.ones(1, 1, 4, 4), 100)
    samples = sample(model, 3, framed=2, frames=6)
    assert samples.steps == [100, 80, 60, 40, 20, 0]
    assert samples.frames.shape == (2, 6, 4, 4)
    np.testing.assert_allclose(samples.frames[:, -1].clip(0, 1), samples.images[:2])
    assert samples.frames[:, 0].std() > 0.2


@pytest.mark.parametrize("name", SAMPLERS)
def test_impossible_samplings_are_refused(name):
    model = Exact(torch.ones(1, 1, 4, 4), 10)
    with pytest.raises(ValueError, match=r"1 \.\.\. 10"):
        sample(model, 1, sampler=name, steps=11)
    with pytest.raises(ValueError, match=r"1 \.\.\. 10"):
        sample(model, 1, sampler=name, steps=0)
    with pytest.raises(ValueError, match="at least 1"):
        sample(model, 0, sampler=name)


def test_samplings_that_do_not_fit_together_are_refused():
    model = Exact(torch.ones(1, 1, 4, 4), 10)
    with pytest.raises(ValueError, match="variance belongs to the ancestral sampler, not to ddim"):
        sample(model, 1, sampler="ddim", variance="beta")
    with pytest.raises(ValueError, match="choose beta or beta-tilde"):
        sample(model, 1, variance="learned")
    with pytest.raises(ValueError, match="no sampler has warmth"):
        sample(model, 1, warmth=3)
    with pytest.raises(ValueError, match="choose from ancestral"):
        sample(model, 1, sampler="euler")
    model.process.extras = frozenset()
    for name in SAMPLERS:
        if SAMPLERS[name].needs:
            with pytest.raises(ValueError, match=f"{name} goes by .* process does not have: choose ancestral"):
                sample(model, 1, sampler=name)


def test_diverged_samples_are_not_written():
    model = Exact(torch.full((1, 1, 4, 4), float("nan")), 10)
    with pytest.raises(ArithmeticError, match="not finite"):
        sample(model, 1)


def test_colour_images_of_any_size_train_and_sample():
    images = as_images(np.random.default_rng(0).integers(0, 256, (32, 8, 12, 3), dtype=np.uint8))
    trainer, _ = finished(small(), images)
    assert sample(trainer.trained, 2, steps=3).images.shape == (2, 8, 12, 3)


def test_a_size_the_depth_does_not_divide_is_refused(images):
    with pytest.raises(ValueError, match="divisible by 8"):
        Trainer(small(widths=(4, 4, 4, 4)), images[:, :, :6])


def test_a_saved_file_has_the_same_bytes_in_every_process(tmp_path):
    tensors = {"b": torch.arange(3.0), "a": torch.ones(2, 2, dtype=torch.bfloat16)}
    metadata = {"shape": "[1, 8, 8]", "settings": '{"name": "\u00fc"}', "more": "x"}
    data = as_bytes(tensors, metadata)
    assert data[8:].startswith(b'{"__metadata__":{"shape":"[1, 8, 8]","settings":')
    (tmp_path / "file").write_bytes(data)
    found, said = read_tensors(tmp_path / "file")
    assert said == metadata
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_losses_are_told_as_those_of_the_noise_whatever_is_predicted():
    """One denoiser, read as eps and as x_0: the objectives differ, the squared error of the noise does not."""
    points = torch.sign(torch.randn(5, 1, 4, 4, generator=generator(0, 9)))
    t, eps = torch.tensor([5, 40, 60, 80, 99]), torch.randn(5, 1, 4, 4, generator=generator(0, 8))
    by_noise, by_image = (losses(Exact(points, 100, kind), Batch(points, t, eps)) for kind in ("eps", "x0"))
    torch.testing.assert_close(by_image[1], by_noise[1], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(by_image[0], by_noise[0], rtol=0.1)


def test_the_test_loss_is_the_mean_of_the_noises_error_over_all_images(images, monkeypatch):
    """In batches of 4, 4 and 2; here each image's error is its own mean."""
    monkeypatch.setattr("diffusion.training.trainer.TEST_BATCH", 4)
    trainer = Trainer(small(), images, images[:10])
    trainer.learner.test = lambda model, batch: batch.x0.flatten(1).mean(1)
    assert trainer.test_loss() == pytest.approx(images[:10].mean() / 127.5 - 1)


def test_the_rate_is_constant_and_then_falls_evenly_to_nothing(images):
    trainer, rates = Trainer(small(epochs=4, cooldown=0.5, learning_rate=1e-3), images), []
    (optimizer,) = trainer.learner.optimizers
    step = optimizer.step
    optimizer.step = lambda: (rates.append(optimizer.param_groups[0]["lr"]), step())
    list(trainer.epochs())
    assert rates == pytest.approx([1e-3 * min(1, left / 6) for left in range(12, 0, -1)])  # 3 steps an epoch


@pytest.mark.parametrize(("drop_last", "steps"), [(True, 2), (False, 3)])
def test_the_smaller_last_batch_is_left_out_only_where_asked(images, drop_last, steps):
    assert Trainer(small(drop_last=drop_last), images[:40]).steps_per_epoch == steps


@pytest.mark.parametrize(("value_range", "ends"), [("symmetric", [-1, 1]), ("unit", [0, 1])])
def test_levels_reach_the_network_in_its_range_and_come_back(value_range, ends):
    levels = torch.arange(256, dtype=torch.uint8)
    given = to_network(levels, value_range)
    assert given[[0, 255]].tolist() == ends
    torch.testing.assert_close(to_unit(given, value_range), levels / 255)


def test_every_epoch_has_an_order_and_noise_of_its_own(images):
    trainer, seen = Trainer(small(), images), []
    prepare = trainer.learner.prepare
    trainer.learner.prepare = lambda *given: seen.append(batch := prepare(*given)) or batch
    list(trainer.epochs())
    first, second = (torch.cat([batch.x0 for batch in of]) for of in (seen[:3], seen[3:]))
    assert not torch.equal(first, second)
    assert sorted(x.numpy().tobytes() for x in first) == sorted(x.numpy().tobytes() for x in second)
    assert len({batch.hidden.numpy().tobytes() for batch in seen}) == 6
