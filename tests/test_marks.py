"""How large the house may grow: files a folder, lines a file and a function, parameters; and no circle of imports."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("triangles", "diffusion", "studies", "benchmarks", "tests")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
FILES, LINES, LONGEST, PARAMETERS = 14, 300, 40, 6
TESTS_LINES = 400  # a test file may hold more: its cases are data
CLICK = {"command", "option", "argument", "group", "pass_context"}


def functions(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def is_command(function):
    """Say whether a function is a command line's: its parameters are the command's options."""
    words = {node.attr for one in function.decorator_list for node in ast.walk(one) if isinstance(node, ast.Attribute)}
    return bool(words & CLICK)


def test_no_folder_holds_more_than_a_reader_can_take_in():
    folders = {path.parent for path in SOURCES}
    # studies are questions and no code: there may be as many as are asked
    sizes = {str(f.relative_to(ROOT)): sum(p.is_file() and p.suffix != ".yaml" for p in f.iterdir()) for f in folders}
    assert {name: size for name, size in sizes.items() if size > FILES} == {}


def test_no_file_is_longer_than_a_reader_can_keep_in_mind():
    lengths = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in SOURCES}
    most = {name: TESTS_LINES if name.startswith("tests/") else LINES for name in lengths}
    assert {name: length for name, length in lengths.items() if length > most[name]} == {}


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "tests"])
def test_functions_are_short_and_ask_for_little(room):
    found = {}
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] == room:
            for one in functions(path):
                length = one.end_lineno - one.body[0].lineno + 1
                asked = [a.arg for a in (*one.args.posonlyargs, *one.args.args, *one.args.kwonlyargs)]
                asked = [name for name in asked if name not in ("self", "cls")]
                if length > LONGEST or (len(asked) > PARAMETERS and one.name != "__init__" and not is_command(one)):
                    found[f"{path.relative_to(ROOT)}:{one.name}"] = (length, len(asked))
    assert found == {}


def imported(path):
    """Modules that a file imports, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_imports_run_in_no_circle():
    modules = {name_of(path): path for path in SOURCES if path.relative_to(ROOT).parts[0] != "tests"}
    arrows = {name: {one for one in imported(path) if one in modules} - {name} for name, path in modules.items()}
    while loose := [name for name, targets in arrows.items() if not targets & arrows.keys()]:
        for name in loose:
            del arrows[name]
    assert arrows == {}, "these import one another"
