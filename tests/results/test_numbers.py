"""Every number that README and LOG tell of results is in a committed table, by results/numbers.yaml."""

import re
from functools import cache

import numpy as np
import pytest
import yaml

from tests.results import committed
from tests.results.committed import ROOT, numbers_in, value_of

TEXTS = {"LOG.md": ROOT / "results" / "LOG.md", "README.md": ROOT / "README.md"}
# README's parts that tell of results; the others tell how to use it.
TELLING = ("triangle-diffusion", "The answer so far", "Speed", "Why the laptop scale has a recipe of its own")
NOT_KEPT = "not kept"  # in a block, or in the first one of a section: a hint from numbers that are in no table
MAPPING = yaml.safe_load((ROOT / "results" / "numbers.yaml").read_text(encoding="utf-8"))
FUNCTIONS = [name for name, one in vars(committed).items() if callable(one) and one.__module__ == committed.__name__]
SPACE = {name: getattr(committed, name) for name in FUNCTIONS} | {"np": np, "every": committed.EVERY}


def blocks(name):
    """Return (section, line, text) of the paragraphs, list items and tables that are to be found in tables."""
    found, section, kept = [], "(top)", True
    text = re.sub(r"```.*?```", lambda code: "\n" * code[0].count("\n"), TEXTS[name].read_text("utf-8"), flags=re.S)
    line = 1
    for part in re.split(r"\n(?=\n|- |#)", text):
        plain = part.strip("\n")
        if plain.startswith("#"):
            section, kept = plain.lstrip("# ").partition("\n")[0], True
        if plain.startswith("*") and NOT_KEPT in plain.partition(".")[0]:
            kept = False
        exempt = NOT_KEPT in plain and not plain.startswith("|")  # of a table row by row
        if kept and plain and not exempt and not re.match(r" {4}|!\[", plain):
            found.append((section, line + part[: len(part) - len(part.lstrip("\n"))].count("\n"), plain))
        line += part.count("\n") + 1
    return [one for one in found if name != "README.md" or one[0] in TELLING]


def flat(text):
    return " ".join(text.split())


@cache
def whole(name):
    return flat(TEXTS[name].read_text(encoding="utf-8"))


def check(told, expressions, **names):
    """Return what is wrong of numbers as told, beside what the tables come to; `*[...]` stands for several places."""
    space, found = SPACE | names, []
    for expression in expressions:
        values = eval(expression[1:], space) if expression.startswith("*") else [eval(expression, space)]
        found += [(expression, float(value)) for value in values]
    if len(told) != len(found):
        return [f"{len(told)} numbers ({', '.join(told)}), but {len(found)} places in tables"]
    wrong = []
    for number, (expression, value) in zip(told, found, strict=True):
        shown, half = value_of(number)
        if not abs(value - shown) <= half * (1 + 1e-6):
            wrong.append(f"{number} is {value:.6g} by {expression}")
    return wrong


def places(text):
    return [one.strip() for one in str(text).split(";") if one.strip()]


@pytest.mark.parametrize("entry", MAPPING["texts"], ids=lambda entry: flat(entry["says"])[:50])
def test_what_a_text_says_is_what_the_tables_come_to(entry):
    says = flat(entry["says"])
    assert sum(whole(name).count(says) for name in TEXTS) == 1, "the words are to be in the texts once"
    assert check(numbers_in(says), places(entry["is"])) == []


def rows_of(block):
    """Return the cells of each row of a Markdown table."""
    lines = [line for line in block.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def find_table(entry):
    found = [block for _, _, block in blocks(entry["in"]) if block.startswith(entry["table"])]
    assert len(found) == 1, f"one table begins so: {entry['table']}"
    return rows_of(found[0])


def name_cell(words):
    """Return `high power-1.5` for `720 px, power 1.5`."""
    named = words.replace("720 px", "high").replace("low resolution", "low")
    return " ".join(one.replace(" ", "-") for one in named.split(", "))


def check_row(entry, head, row):
    """Return what is wrong in a row: each column by the row's own places in tables, else by those of all rows."""
    label, *cells = row
    own = next((places for start, places in entry.get("rows", {}).items() if label.startswith(start)), {})
    wrong = []
    for column, text in zip(head[1:], cells, strict=True):
        expressions = own.get(column, entry.get("columns", {}).get(column, entry.get("cells", "")))
        told = committed.NUMBER.findall(text)
        if expressions != "a wish" and (told or expressions):
            names = {"cell": name_cell(label), "column": name_cell(column)}
            wrong += [f"{label}, {column}: {one}" for one in check(told, places(expressions), **names)]
    return wrong


@pytest.mark.parametrize("entry", MAPPING["tables"], ids=lambda entry: entry["table"][:50])
def test_what_a_table_says_is_what_the_committed_ones_come_to(entry):
    head, _, *rows = find_table(entry)
    kept = [row for row in rows if not any(NOT_KEPT in cell for cell in row)]
    assert [one for row in kept for one in check_row(entry, head, row)] == []


@pytest.mark.parametrize("entry", MAPPING["outcomes"], ids=lambda entry: entry["says"])
def test_the_readme_says_of_claims_what_all_scales_together_say(entry):
    _, _, *rows = find_table({"in": "README.md", "table": "| claim | all scales together"})
    ((_, outcome, sure),) = [row for row in rows if row[0].startswith(entry["says"])]
    for claim in entry["claims"]:
        told = {name: committed.table("thesis/tables/scales.csv", claim, name) for name in ("as a whole", "why")}
        assert told["as a whole"] in outcome, claim
        assert "leans" not in entry or f"leans {entry['leans']} at thesis, one seed" in told["why"], claim
    assert "leans" not in entry or "same" in sure or entry["leans"] in sure


@pytest.mark.parametrize("name", TEXTS)
def test_no_number_is_without_a_place_in_a_table(name):
    said = sorted((flat(entry["says"]) for entry in MAPPING["texts"]), key=len, reverse=True)
    tables = tuple(entry["table"] for entry in MAPPING["tables"])
    left = []
    for section, line, block in blocks(name):
        if block.startswith("|") and block.startswith(tables):
            continue
        rest = flat(block)
        for one in said:
            rest = rest.replace(one, " § ")
        if told := numbers_in(rest):
            left.append(f"{name}:{line} ({section[:40]}): {', '.join(told)}  in: {rest[:4000]}")
    assert left == [], "\n\n".join(left)


def test_a_wrong_number_and_one_too_many_are_found():
    assert check(["57", "0.46", "-3.1", "24,100"], ["56.6", "0.4649", "-3.149", "24124"]) == []
    assert check(["57"], ["57.51"]) == ["57 is 57.51 by 57.51"]
    assert check(["57", "58"], ["57"])
    assert numbers_in("57% of 1,200 samples on 720 px, seed 0, by `-3`, and power 1.5 (see [it](a5.md))") == [
        "57",
        "1,200",
    ]
    assert numbers_in("power 10 has 12 and -0.5 at t = 300, 400 and 500; power 2: 7") == ["12", "-0.5", "7"]
