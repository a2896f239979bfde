import dataclasses
import os
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Literal

import pytest

import lstm_lab.cli
import transformer_tutorial.cli
from transformer_tutorial.config import PRESETS
from transformer_tutorial.runtime.command_line import Command, Options, known, main, one_line, parse
from transformer_tutorial.runtime.errors import Failure, UsageError

ROOT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bake(Options):
    """Bake a cake.

    More words.
    """

    flour_grams: int
    """How much."""
    shape: Literal["round", "square"] = "round"
    """Which tin."""


COMMANDS = {"bake": Command(Bake, "kitchen"), "clean": Command(Options, "kitchen")}


@pytest.fixture
def kitchen(monkeypatch):
    """The module behind the commands; a test sets its `run`."""
    module = types.ModuleType("kitchen")
    monkeypatch.setitem(sys.modules, "kitchen", module)
    return module


def bake(*arguments) -> int:
    return main("prog", COMMANDS, ["bake", "--flour-grams", "3", *arguments])


def raising(error):
    def run(options):
        raise error

    return run


def error_line(capsys) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_a_command_gets_its_options_and_gives_the_exit_code(kitchen):
    seen = []
    kitchen.run = lambda options: seen.append(options)
    assert bake("--shape", "square") == 0
    assert seen == [Bake(flour_grams=3, shape="square")]
    kitchen.run = lambda options: 5
    assert bake() == 5


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("no\n  flour"), 2, "Error: no flour"),
        (Failure("the oven\nis cold"), 1, "Error: the oven is cold"),
        (ValueError("bad"), 1, "Error: ValueError: bad. Add --debug for the traceback."),
        (KeyError("egg"), 1, "Error: KeyError: 'egg'. Add --debug for the traceback."),
        (RuntimeError(), 1, "Error: RuntimeError: . Add --debug for the traceback."),
        (KeyboardInterrupt(), 130, "Interrupted."),
    ],
)
def test_an_error_is_one_line_on_stderr_and_an_exit_code(kitchen, capsys, error, code, line):
    kitchen.run = raising(error)
    assert bake() == code
    assert error_line(capsys) == line


def test_sigterm_gives_143(kitchen):
    kitchen.run = raising(SystemExit(143))
    assert bake() == 143


def test_debug_shows_the_traceback_before_the_line(kitchen, capsys):
    kitchen.run = raising(UsageError("no flour"))
    assert bake("--debug") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback") and "in run" in "".join(lines)
    assert lines[-1] == "Error: no flour"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["bkae"], "Error: unknown command 'bkae'. Did you mean bake?"),
        (["sing"], "Error: unknown command 'sing'. Choose from: bake, clean."),
        (
            ["bake", "--flour-grams", "3", "--shap", "x"],
            r"Error: Unrecognized options: --shap.* Did you mean --shape\?.*",
        ),
        (["bake", "--flour-gram", "3"], "Error: Missing from prog bake: --flour-grams INT .*"),
        (["bake"], "Error: .*--flour-grams.*"),
        (["bake", "--flour-grams", "much"], "Error: .*--flour-grams.*much.*"),
        (["bake", "--flour-grams", "3", "--shape", "oval"], "Error: .*oval.*round.*square.*"),
    ],
)
def test_wrong_usage_is_one_line_with_the_nearest_names_and_code_2(capsys, arguments, line):
    assert main("prog", COMMANDS, arguments) == 2
    found = error_line(capsys)
    assert re.fullmatch(line.replace("?", "[?]") if "unknown" in line else line, found), found
    assert not re.search("[│╭╰─]|--- ", found)
    if arguments[0] == "bake":
        assert found.endswith("All flags: prog bake --help")


def test_without_a_command_the_overview_is_printed(capsys):
    assert main("prog", COMMANDS, []) == 2
    text = capsys.readouterr().out
    assert main("prog", COMMANDS, ["--help"]) == 0
    assert capsys.readouterr().out == text
    assert "usage: prog {bake,clean} [flags]" in text and "  bake   Bake a cake.\n" in text


def test_help_of_a_command_explains_its_flags(capsys):
    assert bake("--help") == 0
    text = capsys.readouterr().out
    assert "--flour-grams" in text and "How much." in text and "--debug" in text


def test_known_returns_a_known_name():
    assert known("bake", COMMANDS, "command") == "bake"
    assert known("a", ["a", "b"], "letter") == "a"


def test_known_names_at_most_three_near_ones():
    with pytest.raises(UsageError, match=r"unknown word 'aab'\. Did you mean (\w+ or ){2}\w+\?$"):
        known("aab", ["aaa", "aac", "aad", "aae", "zzz"], "word")


def test_the_name_of_an_error_is_left_out_where_the_message_says_enough():
    assert one_line(Failure("a  b\nc")) == "a b c"
    assert one_line(OSError(28, "No space")) == "OSError: [Errno 28] No space. Add --debug for the traceback."


def test_flags_replace_single_fields_of_the_preset():
    train = transformer_tutorial.cli.COMMANDS["train"]
    for flags in (["--preset", "tutorial"], ["--preset=tutorial"]):
        options = parse("prog", train, ["--run-dir", "r", *flags, "--epochs", "2"])
        assert options.config.differences(PRESETS["tutorial"]) == ["epochs: 2 -> 20"]
    assert parse("prog", train, ["--run-dir", "r"]).config == PRESETS["demo"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["train", "--preset", "tutoral", "--run-dir", "r"], "unknown preset 'tutoral'. Did you mean tutorial"),
        (["train", "--run-dir", "r", "--epochs", "0"], "epochs must be at least 1, got 0."),
        (["train", "--run-dir", "r", "--d-modle", "8"], "--d-model"),
        (["train"], "--run-dir"),
        (["evaluate", "--run-dir", "r", "--split", "dev"], "validation"),
    ],
)
def test_the_tutorials_commands_refuse_in_one_line(capsys, arguments, text):
    assert transformer_tutorial.cli.main(arguments) == 2
    assert text in error_line(capsys)


def run_python(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("cli", [transformer_tutorial.cli, lstm_lab.cli], ids=lambda cli: cli.__name__)
def test_help_of_every_command_answers_without_tensorflow(cli):
    names = list(cli.COMMANDS)
    program = (
        f"import sys; from {cli.__name__} import main; codes = [main([name, '--help']) for name in {names}];"
        "sys.exit(any(codes) or bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    finished = run_python("-c", program)
    assert (finished.returncode, finished.stderr) == (0, "")
    for name in names:
        assert f"{name} [-h]" in finished.stdout


@pytest.mark.parametrize("package", ["transformer_tutorial", "lstm_lab"])
def test_a_package_runs_as_a_module(package):
    finished = run_python("-m", package, "--help")
    assert finished.returncode == 0 and finished.stdout.startswith(f"usage: python -m {package} {{")
    assert run_python("-m", package, "sing").returncode == 2


def test_a_reader_that_leaves_early_is_no_error():
    program = (
        "import sys, types; sys.modules['m'] = m = types.ModuleType('m'); m.run = lambda options: print('x' * 10);"
        "from transformer_tutorial.runtime.command_line import *;"
        "sys.exit(main('p', {'c': Command(Options, 'm')}, ['c']))"
    )
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=buffered
    )
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == (b"", 0)
    process.stderr.close()
