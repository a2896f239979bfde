"""Which way knowledge flows: cli -> commands -> learning, decoding, figures -> fast -> model, data -> layers -> config.

The table says it exactly. An import may go down in it, or stay inside one entry.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

RANKS = {
    "__main__": 8,
    "commands": 7,  # above cli, whose option classes they take; cli names them in strings and imports them when asked
    "cli": 6,
    "export": 5,
    "learning": 5,
    "attention_figures": 4,
    "figures": 4,
    "evaluation": 4,
    "decoding": 4,
    "fast": 3,
    "model_file": 3,
    "model": 2,
    "data": 2,
    "layers": 1,
    "config": 1,
    "token_ids": 0,
    "runtime": 0,
}
ALSO = {("attention_figures", "figures"), ("export", "decoding")}
MODULES = [path for package in ("transformer_tutorial", "lstm_lab") for path in sorted((ROOT / package).rglob("*.py"))]


def dotted(path: Path) -> str:
    """transformer_tutorial/data/batches.py -> transformer_tutorial.data.batches"""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(source: str) -> set[str]:
    """Dotted names of the project's own modules that `source` imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import in line {node.lineno}"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("transformer_tutorial", "lstm_lab")}


def may_import(importer: str, imported: str) -> bool:
    """Whether the module `importer` may import `imported`; both are dotted names."""
    (package, *inner), (other, *other_inner) = importer.split("."), imported.split(".")
    if package == "lstm_lab":
        return other == "lstm_lab" or other_inner[:1] == ["runtime"]
    if other == "lstm_lab":
        return False
    if inner[:2] == ["export", "programs"]:  # what a user runs: the whole package is below it
        return True
    if not inner or not other_inner:  # the package's own __init__, the map
        return not inner
    here, there = inner[0], other_inner[0]
    return here == there or RANKS[here] > RANKS[there] or (here, there) in ALSO


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_imports_only_what_lies_below_it(path):
    forbidden = [name for name in imports_of(path.read_text("utf-8")) if not may_import(dotted(path), name)]
    assert forbidden == []


def test_every_module_has_its_place():
    tops = {
        path.relative_to(ROOT / "transformer_tutorial").parts[0].removesuffix(".py")
        for path in MODULES[:-1]
        if path.is_relative_to(ROOT / "transformer_tutorial")
    }
    assert tops - {"__init__"} <= set(RANKS)


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("transformer_tutorial.layers.masks", "transformer_tutorial.data.tokenizers"),
        ("transformer_tutorial.data.batches", "transformer_tutorial.model"),
        ("transformer_tutorial.model", "transformer_tutorial.data.batches"),
        ("transformer_tutorial.decoding.search", "transformer_tutorial.learning.training"),
        ("transformer_tutorial.runtime.errors", "transformer_tutorial.config"),
        ("transformer_tutorial.runtime.errors", "lstm_lab.config"),
        ("transformer_tutorial.cli", "transformer_tutorial.commands.train"),
        ("transformer_tutorial.cli", "lstm_lab.cli"),
        ("lstm_lab.layers", "transformer_tutorial.model"),
        ("lstm_lab.layers", "transformer_tutorial"),
    ],
)
def test_an_import_against_the_flow_is_noticed(importer, imported):
    assert not may_import(importer, imported)


def test_imports_are_found_inside_functions_too():
    source = "import os\ndef f():\n    from transformer_tutorial.data import ted\n    import lstm_lab.cli\n"
    assert imports_of(source) == {"transformer_tutorial.data.ted", "lstm_lab.cli"}


@pytest.mark.parametrize(
    "module",
    [
        "transformer_tutorial.config",
        "transformer_tutorial.cli",
        "transformer_tutorial.runtime.checkpoints",
        "lstm_lab.cli",
    ],
)
def test_what_answers_first_imports_no_tensorflow(module):
    program = f"import sys, {module}; sys.exit(len({{'tensorflow', 'keras', 'matplotlib'}} & set(sys.modules)))"
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")


def test_the_control_ids_are_defined_once():
    names = {"PADDING_ID", "UNKNOWN_ID", "START_ID", "END_ID", "RESERVED_TOKENS"}
    homes = {}
    for path in MODULES:
        for node in ast.parse(path.read_text("utf-8")).body:
            for target in node.targets if isinstance(node, ast.Assign) else ():
                for name in names & {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}:
                    homes.setdefault(name, []).append(dotted(path))
    assert homes == dict.fromkeys(names, ["transformer_tutorial.token_ids"])
