"""The comparison of all ways to translate runs end to end, in small, and notices one that differs."""

import json
from pathlib import Path

import pytest

pytest.importorskip("tensorflow_text")

from export.tiny_run import make_run
from transformer_tutorial.cli import main as command

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    import same_translations

    return same_translations


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"), "wordpiece")


def test_all_ways_give_the_same(script, run_dir, tiny_corpus, tmp_path, capsys):
    assert command(["export", "--run-dir", str(run_dir), "--format", "keras", "-o", str(tmp_path / "out")]) == 0
    sizes = {"batch_sizes": (1, 3), "beam_sizes": (1, 2), "exports": (tmp_path / "out",)}
    script.main(script.Options(run_dir, str(tiny_corpus), **sizes, json=True))
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["sentences"] == 8 and set(printed["different"].values()) == {0} and len(printed["different"]) == 9
    assert {"device", "cores", "tensorflow"} <= printed["machine"].keys()


def test_a_way_that_differs_is_named_with_a_sentence_and_the_exit_code_is_1(
    script, run_dir, tiny_corpus, monkeypatch, capsys
):
    class Wrong(script.BatchSearch):
        def __call__(self, source):
            found = super().__call__(source)
            return [ids[:-1] for ids in found] if len(source) == 3 and self.make_step is not script.PlainStep else found

    monkeypatch.setattr(script, "BatchSearch", Wrong)
    with pytest.raises(SystemExit, match="1"):
        script.main(script.Options(run_dir, str(tiny_corpus), batch_sizes=(1, 3), beam_sizes=(1,)))
    lines = capsys.readouterr().out.splitlines()
    counts = [int(line.split(" of 8 ")[0].split()[-1]) for line in lines]
    assert counts[:2] == [0, 0] and counts[2] > 0 and "first: " in lines[2] and "first: " not in lines[0]
