"""The other packages in the race, each driven as its own documentation does: its network, loss, optimiser, averaging
and sampler at their defaults but for the image size and the single channel. Batches come from memory, which spares
them the image files that their loaders would decode. What a package leaves open is said where it is chosen.
"""

import contextlib
import importlib.util
import io
import math
import sys
import tempfile
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np
import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

DRAWN_AT_ONCE = 50


class InMemory(Dataset):
    """uint8 (N, H, W) as float (1, H, W), each mirrored half the time, as in the examples of all three packages."""

    def __init__(self, images: np.ndarray, low: float):
        self.images = low + (1 - low) * torch.from_numpy(images)[:, None].float() / 255

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index]
        return image.flip(-1) if torch.rand(()) < 0.5 else image


def forever(loader):
    while True:
        yield from loader


def in_batches(draw, count: int) -> np.ndarray:
    """draw(n) -> (n, 1, H, W) in [0, 1], as one float32 (count, H, W)."""
    sizes = [min(DRAWN_AT_ONCE, count - start) for start in range(0, count, DRAWN_AT_ONCE)]
    return np.concatenate([np.asarray(draw(size), np.float32)[:, 0] for size in sizes]).clip(0, 1)


@contextlib.contextmanager
def stand_in_for_torchvision():
    """Two packages import torchvision at the top of a module, for augmentations that `InMemory` takes over; where it
    is not installed, an empty stand-in lets that import pass. It is gone afterwards, so that nobody else finds it."""
    if importlib.util.find_spec("torchvision"):
        yield
        return
    names = ("torchvision", "torchvision.transforms", "torchvision.utils")
    modules = {name: ModuleType(name) for name in names}
    for name, module in modules.items():
        module.__spec__ = ModuleSpec(name, None)
    top, transforms, utils = modules.values()
    top.transforms, top.utils = transforms, utils
    for name in ("Compose", "Lambda", "RandomHorizontalFlip", "ToTensor"):
        setattr(transforms, name, lambda *arguments: None)
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name)


class DenoisingDiffusionPytorch:
    """`Unet`, `GaussianDiffusion` and the package's own `Trainer`: v target, Adam at 1e-4 with betas 0.9 and 0.99,
    batches of 16, gradients clipped at 1, EMA 0.995. The schedule is set to linear (its default is sigmoid).
    Drawn by its DDIM in `steps` steps."""

    package = "denoising-diffusion-pytorch"
    images_per_step = 16

    def __init__(self, images, seed, width=16, learning_rate=1e-4, precision="float32", steps=25):
        with stand_in_for_torchvision():
            from denoising_diffusion_pytorch import GaussianDiffusion, Unet, denoising_diffusion_pytorch
        diffusion = GaussianDiffusion(
            Unet(width, channels=1), image_size=images.shape[1], beta_schedule="linear", sampling_timesteps=steps
        )
        self.steps, data = steps, InMemory(images, low=0)
        the_module, before = denoising_diffusion_pytorch, denoising_diffusion_pytorch.Dataset
        the_module.Dataset = lambda *arguments, **options: data  # its Trainer would read a folder of image files
        try:
            self.trainer = the_module.Trainer(
                diffusion,
                folder=None,
                train_lr=learning_rate,
                calculate_fid=False,
                save_and_sample_every=10**9,
                results_folder=tempfile.gettempdir(),
                amp=precision == "bfloat16",
                mixed_precision_type="bf16",
            )
        finally:
            the_module.Dataset = before
        self.trainer.dl = forever(DataLoader(data, self.images_per_step, shuffle=True))

    def step(self):
        self.trainer.train_num_steps = self.trainer.step + 1
        nowhere = io.StringIO()  # it shows a bar for each call, and says that training is complete
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            self.trainer.train()

    def state(self):
        trainer = self.trainer
        model = trainer.accelerator.get_state_dict(trainer.model)
        return {"step": trainer.step, "model": model, "opt": trainer.opt.state_dict(), "ema": trainer.ema.state_dict()}

    def load(self, state):
        trainer = self.trainer
        trainer.step = state["step"]
        trainer.accelerator.unwrap_model(trainer.model).load_state_dict(state["model"])
        trainer.opt.load_state_dict(state["opt"])
        trainer.ema.load_state_dict(state["ema"])

    def draw(self, count):
        averaged = self.trainer.ema.ema_model.eval()
        return in_batches(lambda n: averaged.sample(batch_size=n), count)


class Diffusers:
    """The unconditional example: `UNet2DModel` with the example's blocks, `DDPMScheduler` (linear), AdamW at 1e-4
    with betas 0.95 and 0.999, cosine course over 100 epochs after 500 steps of warm-up, batches of 16, gradients
    clipped at 1, EMA with warm-up. The example's levels begin at 64 px; smaller images enter at their own level, so
    the coarsest has 2 px. Drawn by its DDIM in `steps` steps."""

    package = "diffusers"
    images_per_step = 16
    epochs, warmup = 100, 500

    def __init__(self, images, seed, width=32, learning_rate=1e-4, precision="float32", steps=25):
        from diffusers import DDPMScheduler
        from diffusers.optimization import get_scheduler
        from diffusers.training_utils import EMAModel

        self.network, self.steps = self._network(images.shape[1], width), steps
        self.scheduler = DDPMScheduler(num_train_timesteps=1000)
        parameters = list(self.network.parameters())
        self.optimizer = torch.optim.AdamW(parameters, learning_rate, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8)
        total = math.ceil(len(images) / self.images_per_step) * self.epochs
        self.course = get_scheduler("cosine", self.optimizer, num_warmup_steps=self.warmup, num_training_steps=total)
        self.averaged = EMAModel(parameters, decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=3 / 4)
        self.batches = forever(DataLoader(InMemory(images, low=-1), self.images_per_step, shuffle=True))
        self.autocast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")

    @staticmethod
    def _network(size, width):
        from diffusers import UNet2DModel

        levels = min(int(math.log2(size)), 6)
        attention = levels - 2
        return UNet2DModel(
            sample_size=size,
            in_channels=1,
            out_channels=1,
            layers_per_block=2,
            block_out_channels=tuple(width * m for m in (1, 1, 2, 2, 4, 4)[-levels:]),
            norm_num_groups=min(32, width),
            down_block_types=["AttnDownBlock2D" if i == attention else "DownBlock2D" for i in range(levels)],
            up_block_types=["AttnUpBlock2D" if i == 1 else "UpBlock2D" for i in range(levels)],
        )

    def step(self):
        self.network.train()
        clean = next(self.batches)
        noise = torch.randn_like(clean)
        t = torch.randint(0, self.scheduler.config.num_train_timesteps, (len(clean),))
        with self.autocast:
            predicted = self.network(self.scheduler.add_noise(clean, noise, t), t).sample
        functional.mse_loss(predicted.float(), noise).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.course.step()
        self.optimizer.zero_grad()
        self.averaged.step(self.network.parameters())

    def _parts(self):
        return {"network": self.network, "opt": self.optimizer, "course": self.course, "ema": self.averaged}

    def state(self):
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load(self, state):
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def draw(self, count):
        from diffusers import DDIMPipeline, DDIMScheduler

        parameters = list(self.network.parameters())
        self.averaged.store(parameters)
        self.averaged.copy_to(parameters)
        pipeline = DDIMPipeline(self.network.eval(), DDIMScheduler.from_config(self.scheduler.config))
        pipeline.set_progress_bar_config(disable=True)

        def some(n):
            images = pipeline(batch_size=n, num_inference_steps=self.steps, output_type="np").images
            return images.transpose(0, 3, 1, 2)

        drawn = in_batches(some, count)
        self.averaged.restore(parameters)
        return drawn


class Smalldiffusion:
    """`Scaled(Unet)` with the levels of its Fashion-MNIST example, `ScheduleDDPM` (linear) and `training_loop` at its
    default rate, AdamW at 1e-3, EMA 0.999 as in the example. The batch size is the caller's there: 32 here, as the
    example's 1,024 would leave some twenty steps to the whole race. Drawn by `samples` as in the example, 20 steps
    with gam = 1.6."""

    package = "smalldiffusion"

    def __init__(self, images, seed, width=32, learning_rate=1e-3, precision="float32", batch_size=32, steps=20):
        with stand_in_for_torchvision():
            from smalldiffusion import Scaled, ScheduleDDPM, Unet, samples, training_loop
        from accelerate import Accelerator

        size = images.shape[1]
        self.images_per_step, self.samples, self.steps = batch_size, samples, steps
        self.schedule = ScheduleDDPM()
        self.network = Scaled(Unet)(size, 1, 1, ch=width, ch_mult=(1, 1, 2), attn_resolutions=(size // 2,))
        # the decay of torch_ema, which its examples use: it grows with the number of updates
        self.averaged = AveragedModel(
            self.network, avg_fn=lambda old, new, n: torch.lerp(new, old, min(0.999, (1 + float(n)) / (10 + float(n))))
        )
        self.accelerator = Accelerator(mixed_precision="bf16" if precision == "bfloat16" else "no")
        loader = DataLoader(InMemory(images, low=-1), batch_size, shuffle=True)
        self.course = training_loop(loader, self.network, self.schedule, self.accelerator, lr=learning_rate)
        self.optimizer_state = self.namespace = None

    def step(self):
        """One turn of its loop, which hands over before each update: the last batch's is done at the next call."""
        self.namespace = next(self.course)
        if self.optimizer_state:
            self.namespace.optimizer.load_state_dict(self.optimizer_state)
            self.optimizer_state = None
        self.averaged.update_parameters(self.network)

    def state(self):
        optimizer = self.namespace.optimizer.state_dict()
        return {"network": self.network.state_dict(), "averaged": self.averaged.state_dict(), "opt": optimizer}

    def load(self, state):
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer_state = state["opt"]

    def draw(self, count):
        sigmas = self.schedule.sample_sigmas(self.steps)
        model = self.averaged.module

        def some(n):
            *_, x0 = self.samples(model, sigmas, gam=1.6, batchsize=n, accelerator=self.accelerator)
            return (x0 + 1) / 2

        return in_batches(some, count)
