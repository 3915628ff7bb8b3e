"""report.html: one page that holds all it shows, opens offline and asks nothing of any network."""

import json
import shlex
from collections import Counter
from importlib.resources import files
from pathlib import Path

from diffusion.store.files import write_text
from diffusion.store.records import RunRecord, SamplesRecord, read_record
from studies.measures.jobs import duration
from studies.measures.results import SET_NAMES, absence, or_hole
from studies.planning.commands import as_config
from studies.report.answer import answer
from studies.report.catalogue import FIGURES, TABLES, VERDICTS, named
from studies.report.embedding import lossless, svg_uri
from studies.report.palette import colour
from studies.report.slider import paths

__all__ = ["inputs", "render", "write_report"]

VERDICT_COLUMNS = ("id", "verdict", "origin")
# columns of the verdicts that stand with the claims already
SAID_ABOVE = ["claim", "source", "evidence", "figure", "digest", "scale", "ours"]
REPORT = "report.html"
ORIGINS = {"thesis": "of the thesis", "slides": "of the background slides", "ours": "of our own"}
NOT_OF_SAMPLES = ("loss_", "seconds_", "real_")  # how measures of training and of data begin


def inputs(plan) -> list[Path]:
    """The files a report is made from."""
    figures = [_figure_file(plan, named(FIGURES, name)) for name in plan.study.figures]
    tables = [_table_file(plan, named(TABLES, name).name) for name in plan.study.tables]
    return [*figures, *tables, *(run.folder / "run.json" for run in plan.runs), *plan.frame_files, *plan.judged_files]


def write_report(plan) -> Path:
    """Make the page of a plan from its figures, tables and samples, with holes for what is missing; its path."""
    path = plan.output / REPORT
    write_text(path, render(plan))
    return path


def render(plan) -> str:
    """The page as text."""
    import jinja2

    folder = Path(str(files("studies.report")))
    loader = jinja2.FileSystemLoader(folder)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page = environment.get_template("page.html.j2")
    verdicts = _verdicts(plan)
    return page.render(
        plan=plan,
        study=plan.study,
        sets=SET_NAMES,
        style=(folder / "page.css").read_text(encoding="utf-8"),
        script=(folder / "page.js").read_text(encoding="utf-8"),
        colours={name: colour(name) for name in plan.study.grid.schedule},
        paths=paths(plan),
        claims=_claims(plan, verdicts),
        config=as_config(plan.flags),
        tally=_tally(verdicts),
        answer=answer(plan),
        figures=[_figure(plan, named(FIGURES, name)) for name in plan.study.figures],
        tables=[_table(plan, named(TABLES, name)) for name in plan.study.tables],
        ran=what_ran(plan),
    )


def _figure_file(plan, entry) -> Path:
    return plan.output / "figures" / f"{entry.name}.{entry.form}"


def _table_file(plan, name) -> Path:
    return plan.output / "tables" / f"{name}.csv"


def _figure(plan, entry) -> dict:
    return {"entry": entry, "source": or_hole(_embedded, _figure_file(plan, entry))}


def _embedded(path: Path) -> str:
    from PIL import Image

    if path.suffix == ".svg":
        return svg_uri(path.read_text(encoding="utf-8"))
    with Image.open(path) as image:
        return lossless(image.convert("RGB"))


def _table(plan, entry) -> dict:
    frame = or_hole(_read_table, _table_file(plan, entry.name))
    if frame is not None and entry.name == VERDICTS:
        frame = frame.drop(columns=SAID_ABOVE)
    return {"entry": entry, "content": None if frame is None else _laid_out(frame)}


def _laid_out(frame) -> dict:
    from studies.report.tables import runs as tables

    numeric = [tables.is_number(frame[name]) for name in frame]
    return {
        "names": list(frame),
        "heads": list(zip(tables.headings(frame), numeric, strict=True)),
        "rows": [list(zip(frame, row, numeric, strict=True)) for row in tables.rounded(frame)],
    }


def _read_table(path: Path):
    import pandas as pd

    try:
        return pd.read_csv(path)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a table ({str(error).splitlines()[0]}): make it again") from None


def _verdicts(plan) -> dict:
    """Claim id -> its row in verdicts.csv; empty before claims are judged."""
    frame = or_hole(_read_table, _table_file(plan, VERDICTS))
    if frame is None:
        return {}
    if missing := [name for name in VERDICT_COLUMNS if name not in frame]:
        raise ValueError(f"{_table_file(plan, VERDICTS)} has no column {missing[0]!r}: make it again")
    return {row["id"]: row for row in frame.fillna("").to_dict("records")}


def _claims(plan, verdicts) -> list[dict]:
    """Every claim with its verdict, the plots of its contrast, where else to look, and the command that remakes it."""
    from studies.report.strips import strips
    from studies.verdicts.judging import gathered, judged

    found, _ = gathered(plan)
    return [
        {
            "claim": one.claim,
            "verdict": verdicts.get(one.claim.id),
            "strips": strips(plan, one, found),
            "figures": _shown_by(plan, one.claim),
            "command": _remade(plan, one.claim),
        }
        for one in judged(plan)
    ]


def _shown_by(plan, claim) -> list[str]:
    """The figures that a claim is about: its own, and the sample sheets of its sets where it is about samples."""
    names = [claim.figure]
    if claim.contrast and not claim.measure.startswith(NOT_OF_SAMPLES):
        sides = (*claim.contrast.plus, *claim.contrast.minus)
        used = {name for side in sides for name in side.preparation or plan.study.grid.preparation}
        names += ["samples", *(f"starts-{name}" for name in plan.study.grid.preparation if name in used)]
    return [name for name in dict.fromkeys(names) if name in plan.study.figures]


def _remade(plan, claim) -> str:
    """The command that makes a claim's verdict and its figure, with all that they are made from."""
    files = [_table_file(plan, VERDICTS)] if VERDICTS in plan.study.tables else []
    files += [_figure_file(plan, named(FIGURES, name)) for name in [claim.figure] if name in plan.study.figures]
    targets = " ".join(shlex.quote(str(path)) for path in files) or shlex.quote(str(plan.output / REPORT))
    return f"snakemake --cores all --config {as_config(plan.flags)} -- {targets}"


def _tally(verdicts: dict) -> str:
    """How many claims of whom came out how, the most frequent first."""
    parts = []
    for origin, name in ORIGINS.items():
        counts = Counter(row["verdict"] for row in verdicts.values() if row["origin"] == origin)
        found = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        parts += [f"{counts.total()} {name} ({found})"] if counts else []
    return "; ".join(parts)


def what_ran(plan) -> dict:
    """Machine, versions, settings and time of the runs that are there, each with every value that occurs."""
    records = [or_hole(read_record, run.folder / "run.json", RunRecord) for run in plan.runs]
    sampled = [or_hole(read_record, run.folder / "samples.json", SamplesRecord) for run in plan.runs]
    records, sampled = ([one for one in many if one is not None] for many in (records, sampled))
    training = sum(record.seconds.training + record.seconds.test for record in records)
    sampling = sum(record.seconds for record in sampled)
    return {
        "done": len(records),
        "planned": len(plan.runs),
        "holes": {run.name: why for run in plan.runs if (why := absence(run, "samples.json"))},
        "machine": _merged(record.machine for record in records),
        "versions": _merged(record.versions for record in records),
        "settings": _merged(record.settings for record in records),
        "sampling": _merged(run.sampling.model_dump(exclude_none=True) for run in plan.runs),
        "data": {dataset.name: dataset.flags for dataset in plan.datasets},
        "facts": _merged({key: getattr(record, key, None) for key in FACTS} for record in records),
        "training_time": duration(training),
        "sampling_time": duration(sampling),
    }


FACTS = ("device", "precision", "threads", "parameters", "training_images", "revision")


def _merged(records) -> dict[str, str]:
    """Key -> the values it takes in any of the records, as text."""
    values: dict[str, list[str]] = {}
    for record in records:
        for key, value in record.items():
            text = value if isinstance(value, str) else f"{value:,}" if type(value) is int else json.dumps(value)
            if text not in values.setdefault(key, []):
                values[key].append(text)
    return {key: ", ".join(sorted(texts) if len(texts) > 5 else texts) for key, texts in values.items()}
