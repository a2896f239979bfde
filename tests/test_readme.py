"""The README's commands parse, its code runs, and what it promises of the repository is there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import lstm_lab.cli
import transformer_tutorial.cli
from transformer_tutorial.runtime.command_line import parse

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = {"transformer_tutorial": transformer_tutorial.cli.COMMANDS, "lstm_lab": lstm_lab.cli.COMMANDS}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def package_commands() -> list[list[str]]:
    """The words after `python -m` of each command, without redirections and comments."""
    lines = "\n".join(blocks("bash")).replace("\\\n", " ").splitlines()
    lines = [re.split(" [<>] ", line)[0] for line in lines if line.startswith("python -m ")]
    return [shlex.split(line, comments=True)[2:] for line in lines]


@pytest.mark.parametrize("package", COMMANDS)
def test_there_is_a_command_of_each_kind(package):
    assert {words[1] for words in package_commands() if words[0] == package} == set(COMMANDS[package])


@pytest.mark.parametrize("words", package_commands(), ids=" ".join)
def test_a_command_of_the_readme_is_understood(words):
    package, name, *arguments = words
    command = COMMANDS[package][name]
    assert isinstance(parse(name, command, arguments), command.options)


def test_the_code_of_the_readme_runs(tmp_path):
    code = "\n".join(blocks("python"))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "(2, 1, 4, 13, 12)" in done.stdout.splitlines()
    assert (tmp_path / "transformer.keras").is_file()


def test_the_lost_masks_are_shown():
    done = subprocess.run([sys.executable, ROOT / "scripts" / "show_lost_masks.py"], capture_output=True, text=True)
    theirs, ours = (float(re.search(r"\d\.\de[+-]\d\d", line)[0]) for line in done.stdout.splitlines()[1:])
    assert theirs > 0.1 > 1e-5 > ours


def test_files_and_scripts_that_are_named_exist():
    named = re.findall(r"`((?:transformer_tutorial|lstm_lab|scripts)/[\w./]*)`", README)
    named += re.findall(r"^(?:python )?(scripts/\w+(?:\.py)?)", README, flags=re.MULTILINE)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []
