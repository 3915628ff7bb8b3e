"""Hostile and broken files, at every reader of the diffusion and studies rooms: a clean refusal, and no code is run."""

import io
import json
import os
import pickle
import resource
import shutil
import struct
import time
import zipfile
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from commands import SAMPLING, TRAINING, call, refusal
from safetensors.torch import save_file

from diffusion import runs
from diffusion.checkpoints import load_model, read_tensors, restore
from diffusion.devices import choose
from diffusion.settings import TrainSettings
from diffusion.store.files import as_images, read_array, read_images, read_json
from diffusion.training import Trainer
from studies.measures.results import (
    COLUMNS,
    read_frames,
    read_losses,
    read_measures,
    read_samples,
    read_table,
)
from studies.measures.rulers.likelihood import bin_errors
from studies.planning.reading import find, read_scales
from studies.planning.resolving import make_plan
from studies.report.tables.formatting import read_back

pytestmark = pytest.mark.faults

LONGEST, LARGEST = 30.0, 1_000_000  # seconds of CPU time, and kB, that a refusal may take


class Payload:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def pickled(kind, payload):
    """The payload in the containers that pickle-based readers open."""
    stream = io.BytesIO()
    if kind == "npy":
        np.save(stream, np.array([payload], object), allow_pickle=True)
    elif kind == "npz":
        np.savez(stream, a=np.array([payload], object), allow_pickle=True)
    elif kind == "torch":
        torch.save({"weights": payload}, stream)
    else:
        pickle.dump(payload, stream)
    return stream.getvalue()


def measured(run):
    """What the commands of `studies` and `diffusion likelihood` would leave of a run, and a table of the report."""
    t = np.arange(1, 1001)
    np.save(run / "likelihood.npy", np.column_stack([np.zeros(1000), t, t / 1000, np.ones(1000)]))
    np.savez_compressed(run / "per-image.npz", ink=np.arange(200.0), iou=np.linspace(0, 1, 200))
    rows = [["low", "linear", "", 0, f"measure_{i}", i / 7, "1", 64] for i in range(20)]
    pd.DataFrame(rows, columns=COLUMNS).to_csv(run / "measures.csv", index=False)
    pd.DataFrame({"id": ["one"], "verdict": ["reproduced"]}).to_csv(run / "verdicts.csv", index=False)


@pytest.fixture
def readers(tiny):
    """Each reader by name: the file it reads, whole, and a call that reads it."""
    run, data = tiny / "run", tiny / "set"
    (data / "dataset.json").unlink()  # whose checksums would notice all of it
    record = json.loads((run / "run.json").read_text())
    settings, cpu = TrainSettings.model_validate(record["settings"]), choose("cpu", "float32", 1)
    trainer = Trainer(settings, as_images(np.zeros((16, 8, 8), np.uint8)), None, cpu)
    files = {"samples_file": run / "samples.npy", "measure_file": run / "measures.csv"}
    here = SimpleNamespace(folder=run, training=settings, **files)
    measured(run)
    study = shutil.copy(find("thesis"), tiny / "study.yaml")
    scales = shutil.copy(find("thesis").with_name("scales.yaml"), tiny / "scales.yaml")
    return {
        "images": (data / "train.npy", lambda: read_images(data / "train.npy")),
        "array": (run / "samples.npy", lambda: read_array(run / "samples.npy")),
        "data": (data / "test.npy", lambda: runs.read_data(data)),
        "samples": (run / "samples.npy", lambda: read_samples(here)),
        "frames": (run / "samples-frames.npy", lambda: read_frames(here)),
        "steps": (run / "samples.json", lambda: read_frames(here)),
        "losses": (run / "losses.csv", lambda: read_losses(here)),
        "record": (run / "run.json", lambda: read_json(run / "run.json")),
        "tensors": (run / "model.safetensors", lambda: read_tensors(run / "model.safetensors")),
        "model": (run / "model.safetensors", lambda: load_model(run / "model.safetensors", cpu)),
        "checkpoint": (run / "checkpoint.safetensors", lambda: restore(trainer, run / "checkpoint.safetensors")),
        "measures": (run / "measures.csv", lambda: read_measures(here)),
        "table": (run / "per-image.npz", lambda: read_table(run / "per-image.npz")),
        "bound": (run / "likelihood.npy", lambda: bin_errors(here)),
        "verdicts": (run / "verdicts.csv", lambda: read_back(run / "verdicts.csv")),
        "study": (study, lambda: make_plan(str(study), "smoke")),
        "scales": (scales, lambda: read_scales(scales)),
    }


def mutants(whole, rng, count):
    """Truncated, bit-flipped, spliced, emptied and swapped copies of a file; half of the damage falls on its head."""
    for i in range(count):
        data, head = bytearray(whole), min(len(whole), 200)
        where = int(rng.integers(head if i % 2 else len(whole)))
        match i % 6:
            case 0:
                del data[where:]
            case 1 | 2:
                data[where] ^= 1 << int(rng.integers(8))
            case 3:
                data[where:where] = rng.bytes(1 + where % 40)
            case 4:
                data[where : where + 8] = struct.pack("<Q", int(rng.integers(2**63)))
            case 5:
                other = int(rng.integers(len(whole)))
                data[where : where + 16] = whole[other : other + 16]
        yield bytes(data)


def array_with(header):
    """A .npy file whose header says that."""
    text = header.encode("latin1").ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"\0" * 4096


def tensors_with(header, body=b"\0" * 64):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def described(dtype="|u1", shape="(192, 8, 8)", order="False"):
    return array_with(f"{{'descr': {dtype!r}, 'fortran_order': {order}, 'shape': {shape}}}")


def one_tensor(**about):
    return tensors_with({"a": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]} | about})


NOTHING = {"empty": b"", "zeros": bytes(4096), "noise": os.urandom(4096), "zip": b"PK\x03\x04" + bytes(100)}
ARRAYS = NOTHING | {
    "huge": described(shape="(1000000000000, 32, 32)"),
    "overflowing": described(shape="(4294967296, 4294967296, 4)"),
    "negative": described(shape="(-1, 8, 8)"),
    "fractional": described(shape="(1.5, 8)"),
    "no shape": described(shape="None"),
    "flat": described(shape="(4096,)"),
    "no images": described(shape="(0, 8, 8)"),
    "deep shape": described(shape="(" * 100 + ")" * 100),
    "objects": described(dtype="|O"),
    "text": described(dtype="<U8", shape="(4,)"),
    "dates": described(dtype="<M8[s]", shape="(4,)"),
    "complex": described(dtype="<c16", shape="(4, 2, 2)"),
    "wide": described(dtype="|V1000000000", shape="(4,)"),
    "unknown type": described(dtype="quux"),
    "order": described(order="'yes'"),
    "code": array_with("__import__('os').mkdir('ran')"),
    "no header": b"\x93NUMPY\x01\x00",
    "version": b"\x93NUMPY\x09\x00" + bytes(200),
    "lying header": b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(200),
}
TENSORS = NOTHING | {
    "huge header": struct.pack("<Q", 2**62) + bytes(64),
    "large header": struct.pack("<Q", 99_000_000) + bytes(64),
    "deep header": tensors_with(b"[" * 100_000),
    "overlapping": one_tensor(data_offsets=[0, 2**60]),
    "backwards": one_tensor(data_offsets=[64, 0]),
    "huge shape": one_tensor(shape=[2**40, 2**40]),
    "empty shape": one_tensor(shape=[], data_offsets=[0, 4]),
    "unknown type": one_tensor(dtype="F7"),
    "no metadata": one_tensor(),
    "no tensors": tensors_with({"__metadata__": {"settings": "{}", "shape": "[1, 8, 8]"}}, b""),
}
RECORDS = NOTHING | {
    "list": b"[1]",
    "deep": b'{"a":' * 100_000,
    "huge number": b'{"frame_steps": [' + b"9" * 100_000 + b"]}",
    "infinite": b'{"frame_steps": [1e999, 0]}',
    "words": b'{"frame_steps": ["a"]}',
    "latin": '{"a": "\xe9"}'.encode("latin1"),
    "open": b'{"frame_steps": [1000, 500',
}
TABLES = NOTHING | {
    "words": b"epoch,train_mean,train_min,train_max,test_mean,seconds,test_seconds\n1,a,b,c,d,e,f\n",
    "no rows": b"epoch,train_mean,train_min,train_max,test_mean,seconds,test_seconds\n",
    "other columns": b"a,b\n1,2\n",
    "ragged": b"epoch,train_mean\n1,2,3,4,5,6,7\n1\n",
    "quotes": b'epoch,"train_mean\n1,2\n',
    "wide": b"a," * 2_000,
}
YAMLS = NOTHING | {
    "deep": b"[" * 20_000,
    "deep mapping": b"".join(b" " * i + b"a:\n" for i in range(3000)),
    "tag": b"!!python/object/apply:os.mkdir [ran]",
    "no end": b"a: [",
    "itself": b"&a [*a]",
    "tab": b"a:\n\t- b",
    "huge number": b"title: " + b"9" * 10_000,
    "two documents": b"a: 1\n---\nb: 2\n",
}


def zipped(data, name="ink.npy"):
    """An .npz whose one member holds that."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


ZIPS = NOTHING | {name: zipped(data) for name, data in ARRAYS.items() if name not in ("flat", "no images")}
ZIPS["bomb"] = zipped(described(shape="(300000000,)")[:129] + bytes(300_000_000))
MEASURES = TABLES | {"words": b"preparation,schedule,seed,measure,value,unit,n\nlow,linear,0,a,b,1,c\n"}
CRAFTED = {
    **dict.fromkeys(("images", "array", "data", "samples", "frames", "bound"), ARRAYS),
    "losses": TABLES,
    "measures": MEASURES,
    "table": ZIPS,
    "verdicts": NOTHING,
    **dict.fromkeys(("tensors", "model", "checkpoint"), TENSORS),
    **dict.fromkeys(("record", "steps"), RECORDS),
    **dict.fromkeys(("study", "scales"), YAMLS),
}


# a reader of tensors or records alone takes what is whole, and leaves the sense of it to those who use it
HARMLESS = {
    *(("tensors", label) for label in ("empty shape", "no metadata", "no tensors")),
    *(("record", label) for label in ("huge number", "infinite", "words")),
    *(("array", label) for label in ("flat", "no images")),
    *(("verdicts", label) for label in ("zeros", "zip")),
}


def read(reader):
    """How a reader takes its file: `read`, `refused` by a clean line, or else what went wrong."""
    start = time.process_time()
    try:
        reader()
        how = "read"
    except (ValueError, OSError) as error:
        how = "refused" if str(error) else "refused without a word"
    except Exception as error:
        how = repr(error)[:300]
    took = time.process_time() - start
    return how if took < LONGEST else f"{how} after {took:.0f} s"


def test_malformed_files_are_refused_cleanly_by_every_reader(readers):
    rng, before, seen = np.random.default_rng(0), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
    for name, (path, reader) in readers.items():
        whole = path.read_bytes()
        crafted = [(label, data) for label, data in CRAFTED[name].items() if (name, label) not in HARMLESS]
        damaged = [("damage", data) for data in mutants(whole, rng, 48)]
        for label, data in [("whole", whole), *crafted, *damaged, ("whole again", whole)]:
            path.write_bytes(data)
            seen.append((name, label, read(reader)))
    expected = {"whole": {"read"}, "whole again": {"read"}, "damage": {"read", "refused"}}
    wrong = [one for one in seen if one[2] not in expected.get(one[1], {"refused"})]
    assert not wrong, "\n".join(map(str, wrong))
    assert sum(how == "refused" for _, _, how in seen) > 500
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < LARGEST


@pytest.mark.parametrize("kind", ["npy", "npz", "torch", "pickle"])
def test_a_planted_payload_does_not_run(kind, readers, tmp_path):
    data = pickled(kind, Payload(tmp_path / "ran"))
    for name, (path, reader) in readers.items():
        whole = path.read_bytes()
        path.write_bytes(data)
        assert read(reader) == "refused", name
        path.write_bytes(whole)
    assert not (tmp_path / "ran").exists()


BROKEN = {
    "images": (["train", "set", "--out", "new", *TRAINING], "set/train.npy", described(shape="(10000000000, 32, 32)")),
    "payload": (["train", "set", "--out", "new", *TRAINING], "set/train.npy", pickled("npy", Payload("ran"))),
    "model": (["sample", "run", *SAMPLING], "run/model.safetensors", pickled("torch", Payload("ran"))),
    "bound": (["likelihood", "run", "set"], "run/model.safetensors", b""),
    "record": (["remake", "run", "set"], "run/run.json", b"{" * 100_000),
}


@pytest.mark.parametrize("case", BROKEN)
def test_the_commands_refuse_broken_files_with_one_line(case, tiny):
    words, file, data = BROKEN[case]
    (tiny / file).write_bytes(data)
    code, said = call("diffusion", *words, folder=tiny)
    assert code == 2
    assert file in refusal(said)
    assert not (tiny / "ran").exists()
    assert not (tiny / "new").exists()


ABSURD = {
    "count": (["sample", "run", "--count", "1" + "0" * 30], "'--count'"),
    "batch": (["sample", "run", "--batch-size", "0"], "'--batch-size'"),
    "long": (["train", "set", "--out", "x", "--seed", "9" * 100_000], "seed"),
    "steps": (["sample", "run", "--steps", "1001"], "1 ... 1000"),
    "no steps": (["sample", "run", "--steps", "0"], "'--steps'"),
    "name": (["sample", "run", "--name", "../../x"], "'../../x'"),
    "own name": (["sample", "run", "--name", "run"], "'run'"),
    "losses' name": (["likelihood", "run", "set", "--name", "losses"], "'losses'"),
    "samples' name": (["likelihood", "run", "set", "--name", "samples"], "'samples'"),
    "frames' name": (["sample", "run", "--name", "samples-frames"], "'samples-frames'"),
    "measures' name": (["likelihood", "run", "set", "--name", "noised-measures"], "'noised-measures'"),
    "precision": (["sample", "run", "--precision", "bf16"], "'bf16'"),
    "timesteps": (["schedules", "--timesteps", "9" * 20], "'--timesteps'"),
    "betas": (["schedules", "--beta-min", "nan"], "beta"),
    "no noise": (["train", "set", "--out", "x", "--beta-min", "1e-17"], "raise beta_min"),
    "model": (["schedules", "<script>"], "'<script>'"),
    "rate": (["train", "set", "--out", "x", "--learning-rate", "1e400"], "--learning-rate"),
    "widths": (["train", "set", "--out", "x", "--widths", "4,-8"], "widths"),
    "device": (["train", "set", "--out", "x", "--device", "abacus"], "'abacus'"),
    "threads": (["train", "set", "--out", "x", "--threads", "0"], "threads"),
    "many threads": (["sample", "run", "--threads", "100000"], "'--threads'"),
}


@pytest.mark.parametrize("case", ABSURD)
def test_absurd_numbers_and_names_are_refused_with_one_line(case, tiny):
    words, culprit = ABSURD[case]
    code, said = call("diffusion", *words, folder=tiny)
    assert code == 2
    assert culprit in refusal(said)
    assert sorted(p.name for p in tiny.iterdir()) == ["run", "set"]


CLAIMS = {
    "no sides": {"shape": "[]"},
    "two sides": {"shape": "[1, 8]"},
    "infinite": {"shape": "[1, 1e999, 8]"},
    "huge image": {"shape": "[1, 1000000000, 1000000000]"},
    "huge channels": {"shape": "[1000000000, 8, 8]"},
    "negative": {"shape": "[-1, 8, 8]"},
    "words": {"shape": '["a", "b", "c"]'},
    "deep": {"shape": "[" * 100_000},
    "no settings": {"settings": "[]"},
    "huge widths": {"widths": [60_000, 60_000]},
    "many widths": {"widths": [4] * 100_000},
    "other widths": {"widths": [4, 16]},
    "huge embedding": {"time_dims": 2**40},
    "unknown": {"colour": "red"},
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_model_file_is_not_believed_beyond_its_tensors(claim, tiny):
    path = tiny / "run/model.safetensors"
    tensors, metadata = read_tensors(path)
    claims = dict(CLAIMS[claim])
    for key in ("shape", "settings"):
        metadata[key] = claims.pop(key, metadata[key])
    if claims:
        metadata["settings"] = json.dumps(json.loads(metadata["settings"]) | claims)
    save_file(tensors, path, metadata)
    assert read(lambda: load_model(path, choose("cpu", "float32", 1))) == "refused"


@pytest.mark.parametrize("setting", ["family", "schedule", "network", "process", "target", "optimizer"])
def test_a_model_of_a_plugin_that_was_not_named_asks_for_it(setting, tiny):
    path = tiny / "run/model.safetensors"
    tensors, metadata = read_tensors(path)
    metadata["settings"] = json.dumps(json.loads(metadata["settings"]) | {setting: "mine"})
    save_file(tensors, path, metadata)
    with pytest.raises(ValueError, match="name the plugin that has it, diffusion --plugin MODULE"):
        load_model(path, choose("cpu", "float32", 1))


def test_a_run_of_any_name_is_trained_and_sampled_in_its_own_folder(tiny):
    name = """a "b" <i>'c' $(mkdir ran) ü;&"""
    one = ["--epochs", "1", *TRAINING]
    assert call("diffusion", "train", "set", "--out", name, *one, folder=tiny)[0] == 0
    assert call("diffusion", "sample", name, *SAMPLING, folder=tiny)[0] == 0
    assert sorted(p.name for p in tiny.iterdir()) == sorted(["run", "set", name])
