"""Each numbered equation of a docstring is computed on exactly one line of code, which ends in its number."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EQUATION = re.compile(r"^ {2,}\((\d+)\) ", re.MULTILINE)
TAG = re.compile(r"  # \((\d+)\)$", re.MULTILINE)


def equations_and_tags(source: str) -> tuple[list[int], list[int]]:
    """The numbers in the module's docstring, and the numbers at the ends of its lines of code, both in rising order."""
    document = ast.get_docstring(ast.parse(source), clean=False) or ""
    numbers = [int(number) for number in EQUATION.findall(document)]
    return sorted(numbers), sorted(int(number) for number in TAG.findall(source))


def teaching_files() -> list[pathlib.Path]:
    files = [
        path for package in ("lstm_lab", "transformer_tutorial") for path in sorted((ROOT / package).rglob("*.py"))
    ]
    return [path for path in files if any(equations_and_tags(path.read_text("utf-8")))]


@pytest.mark.parametrize("path", teaching_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_equation_has_exactly_one_line_of_code(path):
    equations, tags = equations_and_tags(path.read_text("utf-8"))
    assert equations == tags


@pytest.mark.parametrize("path", teaching_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_equations_are_numbered_from_one_without_gaps(path):
    equations, _ = equations_and_tags(path.read_text("utf-8"))
    assert equations == list(range(1, len(equations) + 1))


def test_the_cells_are_among_the_files_with_equations():
    names = {path.name for path in teaching_files()}
    assert {"dense.py", "simple_rnn.py", "lstm.py", "sequence.py", "oracle.py", "gradcheck.py"} <= names


def test_a_tag_without_an_equation_is_noticed():
    assert equations_and_tags('"""Doc.\n\n    (1)  a = b\n"""\na = b  # (1)\nc = a  # (2)\n') == ([1], [1, 2])
