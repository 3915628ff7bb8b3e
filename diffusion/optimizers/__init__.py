"""Optimizers, each made as `OPTIMIZERS[name](network, learning_rate)`: a list of torch optimizers for one network."""

from diffusion.store.registry import Registry

__all__ = ["OPTIMIZERS"]

OPTIMIZERS = Registry("optimizer", {"adam": "diffusion.optimizers.adam:adam", "muon": "diffusion.optimizers.muon:muon"})
