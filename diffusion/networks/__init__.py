"""Networks that denoise, each made as `NETWORKS[name](channels, settings)` and called as network(x_t, t).

A network is an `nn.Module` with an integer `divisor`: the images' sides must be divisible by it. It reads from the
settings what it needs. What is known of it without importing torch stands in `FACTS`.
"""

from dataclasses import dataclass

from diffusion.store.registry import Registry

__all__ = ["FACTS", "NETWORKS", "Facts", "facts"]

NETWORKS = Registry(
    "network",
    {
        "thesis": "diffusion.networks.thesis_unet:ThesisUNet",
        "residual": "diffusion.networks.residual_unet:ResidualUNet",
    },
)


@dataclass(frozen=True)
class Facts:
    """Facts of a network that settings are checked by, before torch is imported.

    options: names of settings that belong to networks which list them and mean nothing to others.
    batch_norm: whether it normalises by running statistics of batches. halves: whether it halves images once for each
    width but the first, so that its `divisor` is known from the settings.
    """

    options: frozenset[str] = frozenset()
    batch_norm: bool = False
    halves: bool = False

    def divisor(self, settings) -> int:
        """Return what images' sides must be divisible by, 1 where only the network itself can tell."""
        return 2 ** (len(settings.widths) - 1) if self.halves else 1


FACTS = {"thesis": Facts(frozenset({"full_skip"}), batch_norm=True, halves=True), "residual": Facts(halves=True)}


def facts(name: str) -> Facts:
    """Return the facts of a network; those of one that lists none are the defaults."""
    return FACTS.get(name, Facts())
