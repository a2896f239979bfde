"""`export` as a user meets it: every form, loaded by its own translate.py in a fresh process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow_text")

from export.tiny_run import LINES, make_run
from transformer_tutorial.cli import main
from transformer_tutorial.commands import export
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.runtime.errors import Failure

ROOT = Path(__file__).resolve().parents[2]
INPUT = b"".join(line + b"\n" for line in LINES)
ALONE = """
import runpy, sys
runpy.run_path(sys.argv[1])
sys.exit(any(name.startswith("transformer_tutorial") for name in sys.modules))
"""


@pytest.fixture(scope="module", params=["sentencepiece", "wordpiece"])
def run_dir(request, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def translations(run_dir) -> list[bytes]:
    """What `translate` makes of the lines, in its own process."""
    return in_process([sys.executable, "-m", "transformer_tutorial", "translate", "--run-dir", run_dir], ROOT)


def in_process(command, folder) -> list[bytes]:
    """Lines of stdout; stdin has the lines to translate."""
    done = subprocess.run([*map(str, command)], cwd=folder, input=INPUT, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.split(b"\n")


def make(run_dir, form, output, *flags) -> int:
    return main(["export", "--run-dir", str(run_dir), "--format", form, "--output", str(output), *flags])


def test_a_savedmodel_gives_the_same_text_without_this_package(run_dir, translations, tmp_path, capsys):
    assert make(run_dir, "savedmodel", tmp_path / "first", "--batch-size", "5") == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == str(tmp_path / "first") and "translate.py < lines.txt" in printed[1]
    moved = (tmp_path / "first").rename(tmp_path / "moved")
    assert in_process([sys.executable, "-c", ALONE, moved / "translate.py"], tmp_path) == translations
    about = json.loads((moved / "export.json").read_text())
    assert (about["format"], about["max_tokens"], about["max_length"]) == ("savedmodel", 20, 21)
    assert (about["batch_size"], about["beam_size"], about["precision"]) == (5, 1, "float32")
    assert len(set(translations)) > 6


def test_the_keras_form_gives_the_same_text_and_is_a_run_folder(run_dir, translations, tmp_path):
    assert make(run_dir, "keras", tmp_path / "out", "--precision", "float32") == 0
    found = in_process([sys.executable, tmp_path / "out" / "translate.py"], ROOT)
    assert found == translations
    model, _ = RunFolder(tmp_path / "out").load_model()
    assert model.dtype_policy.name == "float32"


def test_ctranslate2_gives_the_same_text(run_dir, translations, tmp_path):
    pytest.importorskip("ctranslate2")
    assert make(run_dir, "ctranslate2", tmp_path / "out") == 0
    found = in_process([sys.executable, tmp_path / "out" / "translate.py"], ROOT)
    assert found == translations
    assert json.loads((tmp_path / "out" / "export.json").read_text())["quantization"] == "float32"


@pytest.fixture(scope="module")
def any_run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"), "wordpiece")


def test_an_export_is_replaced_and_other_folders_are_not(any_run, tmp_path, capsys):
    assert make(any_run, "keras", tmp_path / "out") == 0
    (tmp_path / "out" / "left.txt").write_text("of the first")
    assert make(any_run, "keras", tmp_path / "out") == 0
    names = {"config.json", "export.json", "model.keras", "tokenizers", "translate.py"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    before = (any_run / "model.keras").stat().st_mtime_ns
    assert make(any_run, "keras", any_run) == 2
    assert "holds something else than an export. Choose another --output" in capsys.readouterr().err
    assert (any_run / "model.keras").stat().st_mtime_ns == before
    (tmp_path / "file").write_text("")
    assert make(any_run, "keras", tmp_path / "file") == 2


def test_an_export_that_fails_leaves_the_earlier_one(any_run, tmp_path, capsys, monkeypatch):
    assert make(any_run, "keras", tmp_path / "out") == 0
    before = (tmp_path / "out" / "export.json").read_text()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    for name in ("export_keras", "sync"):
        with monkeypatch.context() as patch:
            patch.setattr(export, name, full)
            assert make(any_run, "keras", tmp_path / "out") == 1
        assert "out could not be written: No space left on device. Nothing was changed" in capsys.readouterr().err
        assert (tmp_path / "out" / "export.json").read_text() == before
        assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_export_that_cannot_take_its_place_gives_it_back(any_run, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "export.json").write_text("the first")
    rename = export.os.rename

    def refuse_new(source, target):
        if ".tmp-" in str(source):
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(export.os, "rename", refuse_new)
    with pytest.raises(Failure, match="Input/output error"), export.new_folder(tmp_path / "out") as folder:
        (folder / "export.json").write_text("the second")
    assert (tmp_path / "out" / "export.json").read_text() == "the first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("form", "flags", "message"),
    [
        ("keras", ["--beam-size", "4"], "--beam-size is for --format savedmodel, not for keras; what is exported"),
        (
            "ctranslate2",
            ["--precision", "mixed_float16"],
            "--precision is for --format savedmodel and keras, not for ctr",
        ),
        ("savedmodel", ["--quantization", "int8"], "--quantization is for --format ctranslate2, not for savedmodel."),
        ("savedmodel", ["--beam-size", "0"], "beam_size must be at least 1, got 0"),
        ("savedmodel", ["--max-length", "1"], "max_length must be between 2 and 2049, got 1"),
        ("onnx", [], "invalid choice"),
    ],
)
def test_flags_that_make_no_sense_are_one_line_and_exit_2(form, flags, message, any_run, tmp_path, capsys):
    assert make(any_run, form, tmp_path / "out", *flags) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_the_programs_are_those_that_are_copied():
    folder = Path(export.programs.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(export.PROGRAMS.values())
