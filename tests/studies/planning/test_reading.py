"""What is written is what is read, in YAML and in Snakemake's --config: no parser's own idea of numbers and keys."""

import math
import os
import re
import sys

import pytest

from studies.planning.reading import read_yaml
from studies.planning.resolving import make_plan, plan_from_config


@pytest.fixture
def read(tmp_path):
    """Read a text as a YAML file."""

    def from_text(text):
        (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
        return read_yaml(tmp_path / "x.yaml")

    return from_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("no", "no"), ("'010'", "010"), ("2020-01-01", "2020-01-01"), ("1e3x", "1e3x"), ("1e٣", "1e٣")),
        *(("1e-3", 1e-3), ("-3", -3), ("1.5e3", 1500.0), (".5e-3", 0.0005), ("-.INF", -math.inf), ("0e-400", 0.0)),
        ("true", True),
    ],
)
def test_yaml_is_read_as_it_is_written(text, value, read):
    assert read(f"a: {text}\n") == {"a": value}


@pytest.mark.parametrize("text", ["010", "1:30", "1_000", "0x10", "0b11", "-01", "00", "12:30:45", "0.0_1"])
def test_a_number_that_yaml_reads_otherwise_than_people_is_refused(text, read):
    with pytest.raises(ValueError, match="is no plain decimal number"):
        read(f"a: {text}\n")


@pytest.mark.parametrize("text", ["1e400", "-1e400", "1e-400", "0.1e-999", "9" * 400])
def test_a_number_that_no_computer_keeps_is_refused(text, read):
    with pytest.raises(ValueError, match="is beyond the numbers that a computer keeps"):
        read(f"a: {text}\n")


@pytest.mark.parametrize("text", ['!!int "010"', "!!bool 'yes'", "!!set {x}", "!!binary aGk=", "!mine x", "!!omap []"])
def test_tags_which_change_what_is_written_are_refused(text, read):
    with pytest.raises(ValueError, match=f"tags such as {re.escape(text.split()[0])} are not used here"):
        read(f"a: {text}\n")


@pytest.mark.parametrize(
    "text",
    [
        *("  c: 1\n  c: 2", "  c: 1\n  'c': 2", "  1: 1\n  '1': 2", "  1: 1\n  1.0: 2"),
        *("  ? c\n  : 1\n  ? c\n  : 2", "  {c: 1, c: 2}"),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_its_line(text, read):
    with pytest.raises(ValueError, match="is there twice, in the mapping that starts in line 3"):
        read(f"a: 1\nb:\n{text}\n")


@pytest.mark.parametrize(
    ("typed", "value", "reason"),
    [
        (["results=1.10"], 1.1, "read as 1.1"),
        (["results=yes"], True, "read as True"),
        (["seeds=010"], 10, "read as 10"),
        (["results=a", "results=b"], "b", "given 2 times"),
        (["results=a", "--config", "seeds=0"], "a", "seeds is typed and did not arrive: give --config once"),
        (["seeds=1_0"], "1_0", "give whole numbers"),
        (["seeds=0,010"], "0,010", "give whole numbers"),
    ],
)
def test_a_config_value_that_snakemake_has_changed_is_refused(typed, value, reason, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["snakemake", "--config", *typed])
    with pytest.raises(ValueError, match=reason):
        plan_from_config({typed[0].partition("=")[0]: value})


@pytest.mark.parametrize("key", ["study", "results"])
def test_a_path_that_is_no_utf8_is_refused_before_the_hours(key):
    path = os.fsdecode(b"caf\xe9.yaml")
    with pytest.raises(ValueError, match=rf"{key} = 'caf\\udce9.yaml' is no UTF-8: give the file or folder a name"):
        make_plan(**{key: path})
