"""Files of other kinds than they should be: pipes, foreign formats, huge pictures, formulas, torn tables."""

import os
import struct
import time
import zlib
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from commands import SAMPLING, TRAINING, call, refusal

from diffusion.store.console import printable
from diffusion.store.files import read_json, sha256, vouch, write_array, write_json
from studies.measures.remembered import CLAIMS, ClaimsRecord, remember
from studies.measures.results import kept_file, read_frames, read_kept_measures, read_measures, read_samples, read_table
from studies.planning.reading import read_study
from studies.planning.resolving import make_plan
from studies.report.html.embedding import read_drawing, read_image
from studies.report.tables.formatting import read_back, save

pytestmark = pytest.mark.faults

TRAIN, CHECK = ["diffusion", "train", "set", "--out", "new", *TRAINING], ["triangles", "check", "set"]
READ = [
    ("run.json", ["diffusion", "remake", "run", "set"]),
    ("train.npy", TRAIN),
    ("dataset.json", TRAIN),
    ("dataset.json", CHECK),
    ("test.npy", CHECK),
    ("model.safetensors", ["diffusion", "sample", "run", *SAMPLING]),
    ("checkpoint.safetensors", ["diffusion", "train", "set", "--out", "run", "--epochs", "9", *TRAINING]),
]


@pytest.mark.parametrize(("name", "words"), READ)
def test_a_pipe_in_the_place_of_a_file_is_refused_at_once(name, words, tiny):
    path = next(tiny.rglob(name))
    path.unlink()
    os.mkfifo(path)
    code, said = call(*words, folder=tiny)
    assert code == 2
    assert name in refusal(said, words[0]) or words[0:2] == ["diffusion", "train"]


def png(width, height):
    """The head of a PNG that claims a size."""
    about = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", about), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(ran) (w) file closefile\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("content", [EPS, png(60_000, 60_000), png(9_000, 9_000), png(9, 9)[:40], b"", b"GIF89a"])
def test_a_figure_is_a_png_of_a_size_that_a_page_can_hold(content):
    with pytest.raises(ValueError, match=r"figures/samples\.png is not a"):
        read_image(content, "figures/samples.png")


@pytest.mark.parametrize("content", [b"", b"<svg>", b"\xff\xfe<svg></svg>", b"plain </svg>"])
def test_a_drawing_is_a_whole_svg(content):
    with pytest.raises(ValueError, match=r"loss\.svg is not a whole SVG"):
        read_drawing(content, "loss.svg")


FORMULAS = ["=cmd|' /C calc'!A0", "+1", "-2", "@SUM(A1)", "\t=1", "'=1"]


def test_no_cell_of_a_table_opens_a_formula(tmp_path):
    plan = SimpleNamespace(label=str)
    frame = pd.DataFrame({"claim": [*FORMULAS, "plain", "don't"], "=n": np.arange(len(FORMULAS) + 2) - 3.5})
    csv, _ = save(frame, tmp_path / "verdicts", plan)
    cells = pd.read_csv(csv, dtype=str, keep_default_na=False)
    assert all(cell.startswith("'") for cell in cells.claim[: len(FORMULAS)])
    assert list(cells.columns) == ["claim", "'=n"]
    pd.testing.assert_frame_equal(read_back(csv), frame)


@pytest.mark.parametrize("harm", ["cut", "longer", "empty", "other"])
@pytest.mark.parametrize("kind", ["table", "measures", "kept", "per image", "real"])
def test_torn_tables_are_not_taken(harm, kind, tmp_path):
    run = SimpleNamespace(measure_file=tmp_path / "measures.csv")
    rows = pd.DataFrame({"measure": list("abcd"), "value": 1.5, "unit": "1", "n": 9})
    rows.to_csv(run.measure_file, index=False)
    rows.to_csv(kept_file(run), index=False)
    np.savez(tmp_path / "per-image.npz", ink=np.arange(3))
    np.savez(tmp_path / "real.npz", ink=np.arange(3))
    vouch([tmp_path / "measures.csv", tmp_path / "per-image.npz"])
    vouch([tmp_path / "real.npz"])
    table, _ = save(rows, tmp_path / "cells", SimpleNamespace(label=str))
    path, read = {
        "table": (table, lambda: read_back(table)),
        "measures": (run.measure_file, lambda: read_measures(run)),
        "kept": (kept_file(run), lambda: read_kept_measures(run)),
        "per image": (tmp_path / "per-image.npz", lambda: read_table(tmp_path / "per-image.npz", "ink")),
        "real": (tmp_path / "real.npz", lambda: read_table(tmp_path / "real.npz", "ink")),
    }[kind]
    assert len(read()) >= 3
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    harmed = {
        "cut": b"".join(lines[: len(lines) // 2]),
        "longer": content + lines[-1],
        "empty": b"",
        "other": b"x\n1\n",
    }
    path.write_bytes(harmed[harm])
    with pytest.raises(ValueError, match=path.name):
        read()


@pytest.mark.parametrize("files", [None, 7, ["train.npy"], {"train.npy": 7}])
def test_manifests_that_list_no_digests_are_refused(files, tiny):
    record = read_json(tiny / "set/dataset.json") | {"files": files}
    write_json(tiny / "set/dataset.json", record)
    for words in (["diffusion", "train", "set", "--out", "new", *TRAINING], ["triangles", "check", "set"]):
        code, said = call(*words, folder=tiny)
        assert code == 2
        assert "dataset.json" in refusal(said, words[0])
    write_json(tiny / "run/run.json", read_json(tiny / "run/run.json") | {"files": files})
    code, said = call("diffusion", "sample", "run", *SAMPLING, folder=tiny)
    assert (code, "run.json" in refusal(said)) == (2, files is not None) or code == 2


def test_frames_of_seven_channels_are_refused_with_a_right_digest(tiny):
    run = SimpleNamespace(folder=tiny / "run", samples_file=tiny / "run/samples.npy")
    for name, shape, read in (
        ("samples-frames", (2, 3, 8, 8, 7), read_frames),
        ("samples", (6, 8, 8, 7), read_samples),
    ):
        path = tiny / f"run/{name}.npy"
        write_array(path, np.zeros(shape, np.float32))
        record = read_json(tiny / "run/samples.json")
        write_json(tiny / "run/samples.json", record | {"files": record["files"] | {path.name: sha256(path)}})
        with pytest.raises(ValueError, match=rf"{name}\.npy has shape"):
            read(run)


def test_terminal_escapes_are_refused_in_studies_and_harmless_in_messages(tmp_path):
    study = tmp_path / "mine.yaml"
    study.write_text('title: "\\e]0;owned\\a"\nquestion: b\ndata: {low: {}}\nmodels: {linear: {}}\n')
    with pytest.raises(ValueError, match=r"mine\.yaml: title.*control"):
        read_study(str(study))
    assert printable("a\x1b[2Jb\u202ec\n\td\x9b") == "a\\x1b[2Jb\\u202ec\n\td\\x9b"
    code, said = call("diffusion", "sample", "no\x1b[31mrun", folder=tmp_path)
    assert (code, "\x1b" in said) == (2, False)


@pytest.mark.parametrize("value", ["010", "1:30", "yes", "true", "0x10", "1_0", "1e1000"])
def test_a_number_is_what_people_read(value, tmp_path):
    study = tmp_path / "mine.yaml"
    models = f"models: {{linear: {{epochs: {value}}}}}"
    study.write_text(f"title: a\nquestion: b\ndata: {{low: {{}}}}\n{models}\n")
    with pytest.raises(ValueError, match=rf"mine\.yaml.*({value}|epochs)"):
        make_plan(str(study), "smoke", tmp_path)


def test_thousands_of_seeds_are_planned_in_seconds(tmp_path):
    """A cell is put together once, whatever the seeds: 300 of them are 4,800 runs."""
    start = time.process_time()
    plan = make_plan("thesis", "smoke", tmp_path, tuple(range(300)))
    assert len(plan.runs) == 300 * len(make_plan("thesis", "smoke", tmp_path).runs)
    assert time.process_time() - start < 6


def changed_of(plan, run):
    """Which claims are marked by a run's record."""
    remember(plan, run)
    then = ClaimsRecord.model_validate(read_json(run.folder / CLAIMS)).studies[plan.study_name]
    return {claim.id for claim in plan.study.claims if then.get(claim.id) != claim.digest}


@pytest.mark.parametrize("harm", [b"", b"{}", b'{"losses": "", "studies": {}}', b"[1]", None])
def test_a_torn_record_of_claims_never_washes_its_mark_away(harm, tmp_path):
    plan = make_plan("thesis", "smoke", tmp_path)
    run = plan.runs[0]
    run.folder.mkdir(parents=True)
    (run.folder / "losses.csv").write_text("epoch\n1\n")
    run.measure_file.write_text("measured")
    assert changed_of(plan, run) == set()
    vouch([run.measure_file, run.folder / CLAIMS])
    if harm is None:
        (run.folder / CLAIMS).unlink()
    else:
        (run.folder / CLAIMS).write_bytes(harm)
    everything = {claim.id for claim in plan.study.claims}
    assert changed_of(plan, run) == everything
    assert changed_of(plan, run) == everything  # and stays
    (run.folder / "losses.csv").write_text("epoch\n2\n")  # trained again, which makes a new beginning
    assert changed_of(plan, run) == set()
