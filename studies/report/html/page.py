"""Write report.html: one page that holds all it shows, opens offline and asks nothing of any network."""

import re
import shlex
from collections import Counter
from importlib.resources import files
from pathlib import Path

from diffusion.store.files import beside, check_digest, vouch, write_text
from diffusion.store.ledger import claim
from diffusion.store.opening import read_whole
from studies.measures.results import or_hole
from studies.registries import FIGURES, RULERS, TABLES, shown
from studies.report.commands import format_config
from studies.report.html import slider
from studies.report.html.across import TABLE, lay_out_scales
from studies.report.html.answer import tell_answer, tell_more_seeds, tell_training
from studies.report.html.collapse import list_collapsed
from studies.report.html.embedding import encode_drawing, encode_image, read_drawing, read_image
from studies.report.html.ran import gather_facts
from studies.report.tables.across.scales import find_evidence
from studies.report.tables.formatting import read_back
from studies.terminal.worth import weigh
from studies.verdicts.claims import name_measure
from studies.verdicts.statistics import name_outcome

__all__ = ["list_inputs", "render", "write_report"]

VERDICTS = "verdicts"  # the table that stands beside the claims where it is there
VERDICT_COLUMNS = ("id", "verdict", "seeds", "origin")
# columns of the verdicts that stand with the claims already
SAID_ABOVE = ["claim", "source", "evidence", "figure", "digest", "scale", "ours"]
REPORT = "report.html"
FIRST = "samples"  # the figure that answers the question at a glance
ORIGINS = {"thesis": "of the thesis", "slides": "of the background slides", "ours": "of our own"}


def list_inputs(plan) -> list[Path]:
    """List the files a report is made from."""
    figures = [_find_figure(plan, one) for one in _list_figures(plan)]
    tables = [_find_table(plan, name) for name in plan.study.tables]
    records = [run.folder / name for run in plan.runs for name in ("run.json", "samples.json")]
    compared = any(claim.contrast for claim in plan.study.claims)
    measured = find_evidence(plan) if compared else []
    return [*figures, *tables, *records, *slider.list_inputs(plan), *measured]


def write_report(plan) -> Path:
    """Make the page of a plan from its figures, tables and samples, with holes for what is missing; return its path."""
    path = plan.output / REPORT
    page = render(plan)
    claim([path])
    write_text(path, page)
    vouch([path])
    return path


def render(plan) -> str:
    """Return the page as text."""
    import jinja2

    folder = Path(str(files("studies.report.html")))
    loader = jinja2.FileSystemLoader(folder)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["coded"] = _mark_code
    page = environment.get_template("page.html.j2")
    verdicts = _read_verdicts(plan)
    return page.render(
        plan=plan,
        study=plan.study,
        style=(folder / "page.css").read_text(encoding="utf-8"),
        script=(folder / "page.js").read_text(encoding="utf-8"),
        colours={plan.label(name): plan.colour(name) for name in plan.model_names},
        paths=slider.make_paths(plan),
        claims=_gather_claims(plan, verdicts),
        config=format_config(plan.flags),
        tally=_tally(verdicts),
        across=lay_out_scales(plan, or_hole(read_back, _find_table(plan, TABLE))),
        answer=tell_answer(plan),
        trained=tell_training(plan),
        worth=weigh(plan),
        again=tell_more_seeds(plan),
        first=_find_first(plan),
        figures=[_embed_figure(plan, one) for one in _list_figures(plan)],
        tables=[_lay_out_table(plan, shown(TABLES, name, plan)) for name in plan.study.tables],
        ran=gather_facts(plan),
        collapsed=list_collapsed(plan),
    )


def _mark_code(text: str):
    """Return words for the page in which what stands between backquotes is code."""
    from markupsafe import Markup, escape

    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _list_figures(plan) -> list:
    return [shown(FIGURES, one.name, plan) for one in plan.study.figures]


def _find_first(plan) -> str | None:
    """Return the name of the figure that stands beside the answer: the study's own samples, where it shows them."""
    return next((one.name for one in plan.study.figures if one.name == FIRST), None)


def _find_figure(plan, one) -> Path:
    return plan.output / "figures" / f"{one.name}.{one.form}"


def _find_table(plan, name: str) -> Path:
    return plan.output / "tables" / f"{name}.csv"


def _embed_figure(plan, one) -> dict:
    source = or_hole(_embed, _find_figure(plan, one))
    return {"name": one.name, "title": one.title(plan), "caption": one.caption(plan), "source": source}


def _embed(path: Path) -> str:
    """Return a figure as a data: address; ValueError where it is not the one that was drawn."""
    content = read_whole(path)
    check_digest(path, content.sha256, beside(path))
    return (
        encode_drawing(read_drawing(content, path))
        if path.suffix == ".svg"
        else encode_image(read_image(content, path))
    )


def _lay_out_table(plan, one) -> dict:
    frame = or_hole(read_back, _find_table(plan, one.name))
    if frame is not None and one.name == VERDICTS:
        frame = frame.drop(columns=SAID_ABOVE, errors="ignore")
    content = None if frame is None else _lay_out(frame, plan)
    return {"name": one.name, "title": one.title(plan), "caption": one.caption(plan), "content": content}


def _lay_out(frame, plan) -> dict:
    from studies.report.tables.formatting import head_columns, is_number, name_members, round_cells

    told = name_members(frame, plan)
    numeric = [is_number(frame[name]) for name in frame]
    return {
        "names": list(frame),
        "heads": list(zip(head_columns(frame), numeric, strict=True)),
        "rows": [list(zip(frame, row, numeric, strict=True)) for row in round_cells(told)],
    }


def _read_verdicts(plan) -> dict:
    """Return claim id -> its row in verdicts.csv; empty before claims are judged.

    By seeds that confirm where there are some; under `before` then what those that explored gave.
    """
    frame = or_hole(read_back, _find_table(plan, VERDICTS), *VERDICT_COLUMNS)
    if frame is None:
        return {}
    rows = frame.astype(object).where(frame.notna(), "").to_dict("records")
    rows = [row | {"verdict": name_outcome(row["verdict"], row["seeds"])} for row in rows]
    first = {row["id"]: row for row in reversed(rows)}
    return {row["id"]: {**first[row["id"]], "before": row if row is not first[row["id"]] else None} for row in rows}


def _gather_claims(plan, verdicts) -> list[dict]:
    """Return each claim with its verdict, its plots, where else to look, and the command that makes it again."""
    from studies.report.html.claim_plots import lay_out_plots
    from studies.verdicts.judging import gather, judge_level, judge_stages

    stage, judged = judge_stages(plan)[0]
    found, _ = gather(stage)
    return [
        {
            "claim": one.claim,
            "measure": name_measure(one.claim) if one.claim.measure else "",
            "verdict": verdicts.get(one.claim.id),
            "plots": lay_out_plots(stage, one, found),
            "figures": _find_shown_by(plan, one.claim),
            "command": _tell_remaking(plan, one.claim),
            "level": judge_level(stage),
        }
        for one in judged
    ]


def _find_shown_by(plan, claim) -> dict[str, str]:
    """Return the figures that a claim is about, name to title.

    These are its own, and the sample sheets of its sets if it is about samples.
    """
    names = [claim.figure]
    if claim.contrast and _is_of_samples(claim.measure):
        sides = (*claim.contrast.plus, *claim.contrast.minus)
        used = {name for side in sides for name in side.data or plan.data_names}
        names += ["samples", *(f"starts-{name}" for name in plan.data_names if name in used)]
    known = {one.name: one.title(plan) for one in _list_figures(plan)}
    return {name: known[name] for name in dict.fromkeys(names) if name in known}


def _is_of_samples(measure: str) -> bool:
    return any(ruler.summarise and measure in ruler.describe() for ruler in RULERS.values())


def _tell_remaking(plan, claim) -> str:
    """Return the command that makes a claim's verdict and its figure, with all that they are made from."""
    tables = [_find_table(plan, VERDICTS)] if VERDICTS in plan.study.tables else []
    figures = [_find_figure(plan, one) for one in _list_figures(plan) if one.name == claim.figure]
    targets = " ".join(shlex.quote(str(path)) for path in (*tables, *figures))
    targets = targets or shlex.quote(str(plan.output / REPORT))
    return f"snakemake --cores all --config {format_config(plan.flags)} -- {targets}"


def _tally(verdicts: dict) -> str:
    """Count how many claims of whom came out how, the most frequent first."""
    parts = []
    for origin, name in ORIGINS.items():
        counts = Counter(row["verdict"] for row in verdicts.values() if row["origin"] == origin)
        found = ", ".join(f"{count} {_count(verdict, count)}" for verdict, count in counts.most_common())
        parts += [f"{counts.total()} {name} ({found})"] if counts else []
    return "; ".join(parts)


def _count(verdict: str, count: int) -> str:
    return f"{verdict}s" if verdict == "hint" and count > 1 else verdict
