"""Weights in files: safetensors without pickle, a trained model, and the whole state of a training."""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from diffusion.devices import Device
from diffusion.family import FAMILIES
from diffusion.settings import FamilySettings, explain, read_settings
from diffusion.store.files import CHECKSUM, replacing
from diffusion.store.opening import Whole, read_whole
from diffusion.store.records import mend
from diffusion.training import EpochRecord, Trainer

__all__ = [
    "IDENTITY",
    "as_bytes",
    "load_model",
    "load_tensors",
    "read_tensors",
    "restore",
    "save_model",
    "save_state",
    "saved_progress",
    "tensors_of",
    "told_of",
    "write_tensors",
]

LARGEST_FILE = 2**36  # bytes of tensors, more than any memory here holds
LARGEST_SIDE = 16_384  # of an image, in a file to be believed
IDENTITY = "identity"  # of the run, in a state
LOSSES = "losses."  # of the steps that are done in an unfinished epoch
KEPT = {torch.optim.Adam: ("step", "exp_avg", "exp_avg_sq")}  # of each parameter, once a step is done


def as_bytes(tensors: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    """Make a safetensors file that is the same for the same content: the library orders the metadata differently."""
    return b"".join(_parts(tensors, metadata))


def _parts(tensors: dict[str, Tensor], metadata: dict[str, str]) -> tuple[bytes, bytes, memoryview]:
    """The file's header, and what follows without a copy of it: a training's state may be large."""
    bytearray(2 * sum(value.nbytes for value in tensors.values()))  # a MemoryError, where the library would abort
    data = save(tensors, metadata)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = metadata
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the tensors that follow stay aligned
    return len(text).to_bytes(8, "little"), text, memoryview(data)[8 + length :]


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and metadata of a safetensors file.

    Raises:
        ValueError: not a whole safetensors file.
        OSError: missing or unreadable.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} does not exist: train first, or check the path")
    return _parse(path, read_whole(path, LARGEST_FILE))


def _parse(path: Path, content: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return tensors and metadata in a safetensors file's bytes."""
    try:
        tensors = load(content)
        told = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__") or {}
    except (SafetensorError, ValueError, OverflowError, RuntimeError, RecursionError) as error:
        raise ValueError(f"{path} is not a whole safetensors file ({error}): train again") from None
    if CHECKSUM in told and told.pop(CHECKSUM) != _checksum(tensors, told):
        raise ValueError(f"{path} was changed after it was made (its checksum differs): train again")
    return tensors, told


def _checksum(tensors: dict[str, Tensor], metadata: dict[str, str]) -> str:
    """Return a digest of all that a safetensors file holds, in the order of the names."""
    total = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        total.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        total.update(value.reshape(-1).view(torch.uint8).numpy())
    return total.hexdigest()


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str], sealed: bool = False) -> None:
    """Write tensors and metadata as one safetensors file, by temporary name and rename.

    sealed: with a digest of both among the metadata, for a file that no record beside it lists.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    parts = _parts(tensors, metadata | ({CHECKSUM: _checksum(tensors, metadata)} if sealed else {}))
    with replacing(path) as partial, partial.open("wb") as stream:
        stream.writelines(parts)


def save_model(model, path: Path) -> None:
    """Write a family's model, its weights and what rebuilds its network, as one safetensors file."""
    metadata = {"settings": model.settings.model_dump_json(), "shape": json.dumps(model.shape)}
    write_tensors(path, model.network.state_dict(), metadata)


def load_model(path: Path, device: Device, content: Whole | None = None):
    """Read the model that `save_model` wrote, on the given device, in eval mode; content: the file's, if read already.

    Raises:
        ValueError: a broken file, or weights that do not fit the settings beside them.
        OSError: missing or unreadable.
    """
    tensors, metadata = read_tensors(path) if content is None else _parse(path, content)
    try:
        settings, shape = _described(metadata, tensors)
        model = FAMILIES[settings.family].model.new(settings, shape, device)
        model.network.load_state_dict(tensors)
    except ValidationError as error:
        raise ValueError(f"{path} holds impossible settings ({explain(error)}): {mend(error)}") from None
    except (KeyError, ValueError, TypeError, RuntimeError, MemoryError, RecursionError) as error:
        said = str(error).splitlines()[0].partition(": choose from")[0]
        raise ValueError(f"{path} is not a model of this package ({said}): {mend(error)}") from None
    if not all(torch.isfinite(v).all() for v in tensors.values()):
        raise ValueError(f"{path} holds weights that are not finite: train again, with a lower learning rate")
    model.network.eval()
    return model


def _described(metadata: dict[str, str], tensors: dict[str, Tensor]) -> tuple[FamilySettings, tuple[int, int, int]]:
    """Settings and image shape from a file, believed only where they call for exactly the tensors beside them.

    The network is built without memory for this: a file may claim any size.
    """
    settings, shape = read_settings(json.loads(metadata["settings"])), json.loads(metadata["shape"])
    if len(shape) != 3 or not all(type(side) is int and 0 < side <= LARGEST_SIDE for side in shape):
        raise ValueError(f"image shape {str(shape)[:80]}")
    longest = max((len(value) for value in dict(settings).values() if isinstance(value, tuple)), default=0)
    if longest > len(tensors):
        raise ValueError(f"{longest} layers for {len(tensors)} tensors")
    with torch.device("meta"):
        network = FAMILIES[settings.family].model.build(settings, shape)
    if _shapes(network.state_dict(), network) != _shapes(tensors, network):
        raise ValueError("its tensors are not those of its settings")
    return settings, tuple(shape)


def _shapes(tensors: dict[str, Tensor], network: torch.nn.Module) -> dict[str, torch.Size]:
    """Return shapes by name, without the first side of tensors that the network takes at any length (`open_ended`)."""
    free = getattr(network, "open_ended", ())
    return {name: value.shape[1:] if name in free else value.shape for name, value in tensors.items()}


def save_state(trainer: Trainer, path: Path) -> None:
    """Write the whole state of a training, by temporary name and rename."""
    write_tensors(path, tensors_of(trainer), told_of(trainer), sealed=True)


def told_of(trainer: Trainer) -> dict[str, str]:
    """Return what a state says beside its tensors: the settings, and what was recorded."""
    return {
        "settings": trainer.settings.model_dump_json(),
        "records": json.dumps([record.row for record in trainer.records]),
        "seconds": json.dumps(trainer.seconds),
    }


def restore(trainer: Trainer, path: Path, identity: dict | None = None) -> None:
    """Take up the state that `save_state` wrote; identity: of the run that it must be of, where that is known.

    Raises:
        ValueError: a broken file, one of other settings, images or sources, or tensors that do not fit this network;
            the trainer is unchanged.
        OSError: missing or unreadable.
    """
    tensors, metadata = read_tensors(path)
    if not _same_course(metadata.get("settings", "{}"), trainer.settings):
        raise ValueError(f"{path} belongs to a run with other settings: choose another folder, or --replace it")
    _check_identity(path, metadata, identity or {})
    try:
        records = [EpochRecord.of(row) for row in json.loads(metadata["records"])]
        steps, seconds = _epoch_at_hand(trainer, tensors), json.loads(metadata.get("seconds", "[0.0, 0.0]"))
        _check(trainer, tensors, stepped=bool(records or steps))
        load_tensors(trainer, tensors)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ValueError(f"{path} does not fit this run ({str(error).splitlines()[0]}): --replace it") from None
    trainer.records[:], trainer.losses, trainer.seconds = records, steps, [float(one) for one in seconds]


def _check_identity(path: Path, metadata: dict[str, str], wanted: dict) -> None:
    """Check that a state comes from the same images and sources as the run that is to go on from it."""
    try:
        told = json.loads(metadata.get(IDENTITY, "{}"))
        other = [key for key in ("data", "sources") if key in wanted and told.get(key) != wanted[key]]
    except (ValueError, AttributeError, RecursionError):
        other = [IDENTITY]
    if other:
        what = " and ".join(other)
        raise ValueError(f"{path} belongs to a run with other {what}: choose another folder, or --replace it")


def _epoch_at_hand(trainer: Trainer, tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The losses of the steps that were done in an unfinished epoch."""
    losses = _part(tensors, LOSSES)
    counts = {len(values) for values in losses.values()} or {0}
    if len(counts) > 1 or max(counts) > trainer.steps_per_epoch:
        raise ValueError(f"losses of {counts} steps of {trainer.steps_per_epoch}")
    device = trainer.device.torch
    return [{name: values[step].to(device) for name, values in losses.items()} for step in range(max(counts))]


def saved_progress(path: Path) -> tuple[int, int]:
    """Return the epochs that a state's file holds and the steps of the next one, 0 and 0 without a whole file."""
    try:
        with safe_open(path, "pt") as stream:
            steps = [stream.get_slice(one).get_shape()[0] for one in list(stream.keys()) if one.startswith(LOSSES)]
            return len(json.loads(stream.metadata()["records"])), max(steps, default=0)
    except (OSError, SafetensorError, ValueError, TypeError, LookupError):
        return 0, 0


def tensors_of(trainer: Trainer) -> dict[str, Tensor]:
    """Return every tensor of a training's state by name: network, averages, what the optimizers keep."""
    state = {f"network.{k}": v for k, v in trainer.network.state_dict().items()}
    if trainer.averaged:
        state |= {f"averaged.{k}": v for k, v in trainer.averaged.state_dict().items()}
    for name in trainer.losses[0] if trainer.losses else ():
        state[f"{LOSSES}{name}"] = torch.stack([one[name] for one in trainer.losses])
    for i, optimizer in enumerate(trainer.learner.optimizers):
        for j, slots in optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{i}.{j}.{name}": value for name, value in slots.items()}
    return state


def load_tensors(trainer: Trainer, tensors: dict[str, Tensor]) -> None:
    """Put the tensors of `tensors_of` into a trainer of the same settings."""
    trainer.network.load_state_dict(_part(tensors, "network."))
    if trainer.averaged:
        trainer.averaged.load_state_dict(_part(tensors, "averaged."))
    for i, optimizer in enumerate(trainer.learner.optimizers):
        content = copy.deepcopy(optimizer.state_dict())
        parameters = _parameters(optimizer)
        for name, value in _part(tensors, f"optimizer.{i}.").items():
            j, _, slot = name.partition(".")
            content["state"].setdefault(int(j), {})[slot] = _laid_out_like(value, parameters[int(j)])
        optimizer.load_state_dict(content)


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _laid_out_like(value: Tensor, parameter: Tensor) -> Tensor:
    """A saved slot in its parameter's memory format: the fused Adam walks both in storage order."""
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _check(trainer: Trainer, tensors: dict[str, Tensor], stepped: bool) -> None:
    """That these are the state's tensors by name and shape, for the optimizers would take others and go on."""
    wanted = {k: v.shape for k, v in tensors_of(trainer).items() if not k.startswith(("optimizer.", LOSSES))}
    for i, optimizer in enumerate(trainer.learner.optimizers if stepped else []):
        wanted |= {f"optimizer.{i}.{k}": shape for k, shape in _slots(optimizer, _part(tensors, f"optimizer.{i}."))}
    free = {f"network.{name}" for name in getattr(trainer.network, "open_ended", ())}
    for name in sorted(wanted.keys() | {name for name in tensors if not name.startswith(LOSSES)}):
        if name not in tensors or name not in wanted or (name not in free and tensors[name].shape != wanted[name]):
            raise ValueError(f"{name} is missing, superfluous or of another shape")


def _slots(optimizer: torch.optim.Optimizer, found: dict[str, Tensor]) -> list[tuple[str, Any]]:
    """The shapes of what an optimizer keeps of each parameter once it has stepped, by `NUMBER.NAME`: a scalar named
    step, else the parameter's. One that does not list its names (`kept`) keeps what is found."""
    kept = getattr(optimizer, "kept", None) or KEPT.get(type(optimizer))
    kept = kept or sorted({name.partition(".")[2] for name in found})
    return [
        (f"{j}.{name}", torch.Size() if name == "step" else p.shape)
        for j, p in enumerate(_parameters(optimizer))
        for name in kept
    ]


def _same_course(saved: str, settings: FamilySettings) -> bool:
    """Whether a run saved with these settings passes through the same states: equal but for the number of epochs,
    and that too where the learning rate's course depends on it."""
    try:
        before = read_settings(json.loads(saved))
    except (ValueError, RecursionError):
        return False
    loose = {"epochs"} if not settings.cooldown else set()
    return before.model_dump(exclude=loose) == settings.model_dump(exclude=loose)
