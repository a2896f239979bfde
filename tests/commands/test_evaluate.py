"""`evaluate` and its comparison with another run, on run folders whose model is never loaded."""

import json
import shutil
from pathlib import Path

import pytest

from transformer_tutorial.cli import main
from transformer_tutorial.commands import evaluate
from transformer_tutorial.commands.evaluate import Translations
from transformer_tutorial.config import Config

ANEW = "the dog hears the cat ."


@pytest.fixture
def corpus(tmp_path) -> Path:
    """One's own 4 sentences for validation, 2 for the test; a validation pair and its source are in train."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    texts = {
        "pt.train": ["o gato dorme", "o cão ouve o gato", "a casa é grande"],
        "en.train": ["the cat sleeps .", "the dog hears a cat .", "the house is big ."],
        "pt.dev": ["o gato dorme", "o cão ouve o gato", "a casa é velha", "sim"],
        "en.dev": ["the cat sleeps .", "the dog hears the cat .", "the house is old .", "yes ."],
        "pt.test": ["a menina", "o pássaro"],
        "en.test": ["the girl", "the bird"],
    }
    for name, lines in texts.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return folder


@pytest.fixture
def make_run(tmp_path, corpus):
    """Makes a run folder of a name, with fields of its config replaced."""

    def make(name: str, **fields) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(Config(**{"data": str(corpus), **fields}).to_json())
        (folder / "model.keras").write_text(f"weights of {name}")
        return folder

    return make


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """Lets every model translate everything as `ANEW`; returns the list of the run folders that were asked."""
    folders = []

    def translate(run_folder, config, texts, options):
        folders.append(run_folder.path.name)
        return Translations([ANEW for _ in texts], [True] + [False] * (len(texts) - 1), truncated=1, seconds=2.4567)

    monkeypatch.setattr(evaluate, "translate", translate)
    return folders


def result_of(capsys, *arguments) -> dict:
    assert main(["evaluate", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def keep_perfect(capsys, corpus: Path, run: Path, *arguments) -> None:
    """Lets `run` keep an evaluation, and replaces its translations by the references: nothing else scores 100."""
    result_of(capsys, "--run-dir", run, *arguments)
    for references in run.glob("*.references.txt"):
        shutil.copy(references, str(references).replace("references", "hypotheses"))


def test_the_result_says_where_the_translations_go_wrong(make_run, asked, capsys):
    result = result_of(capsys, "--run-dir", make_run("a"))
    assert result["by_source_words"]["1-9"]["sentences"] == 4 and list(result["by_source_words"]) == ["1-9"]
    assert result["by_source_words"]["1-9"]["bleu_tok"] == pytest.approx(result["bleu_tok"])
    assert result["output"] == {"copied": 0, "empty": 0, "cut": 0.25}
    assert (result["truncated"], result["seconds"]) == (1, 2.46)
    assert "comparison" not in result


def test_lines_of_the_split_that_were_trained_on_are_counted(make_run, asked, capsys):
    run = make_run("a")
    assert result_of(capsys, "--run-dir", run)["in_train"] == {"pairs": 1, "sources": 2, "targets": 1}
    assert result_of(capsys, "--run-dir", run, "--limit", 1)["in_train"] == {"pairs": 1, "sources": 1, "targets": 1}
    assert set(result_of(capsys, "--run-dir", run, "--split", "test")["in_train"].values()) == {0}


def test_what_was_trained_on_is_not_looked_for_in_another_corpus(make_run, asked, corpus, capsys):
    assert result_of(capsys, "--run-dir", make_run("a"), "--data", corpus)["in_train"] is None


def test_the_result_names_the_model_by_its_digest(make_run, asked, capsys):
    first, again, other = (result_of(capsys, "--run-dir", run) for run in [make_run("a")] * 1 + [make_run("b")] * 2)
    assert len(first["model_sha256"]) == 64
    assert again["model_sha256"] == other["model_sha256"] != first["model_sha256"]


def test_translations_that_the_other_run_keeps_are_used(make_run, asked, corpus, capsys):
    other = make_run("other")
    keep_perfect(capsys, corpus, other)
    asked.clear()
    result = result_of(capsys, "--run-dir", make_run("this"), "--compare", other)
    assert asked == ["this"]
    assert result["compared_with"] == str(other)
    assert result["comparison"]["bleu_tok"]["other_score"] == pytest.approx(100)
    assert result["comparison"]["bleu_tok"]["score"] == pytest.approx(result["bleu_tok"])
    assert result["comparison"]["bleu_tok"]["difference"] < 0


def test_the_first_of_the_kept_translations_serve_for_a_limit(make_run, asked, corpus, capsys):
    other = make_run("other")
    keep_perfect(capsys, corpus, other)
    asked.clear()
    result = result_of(capsys, "--run-dir", make_run("this"), "--compare", other, "--limit", 3)
    assert asked == ["this"] and result["sentences"] == 3
    assert result["comparison"]["bleu_tok"]["other_score"] == pytest.approx(100)


def test_a_limited_evaluation_has_files_of_its_own_and_serves_a_limited_comparison(make_run, asked, corpus, capsys):
    other = make_run("other")
    result_of(capsys, "--run-dir", other)
    whole = {file: file.read_bytes() for file in other.glob("evaluation-*")}
    keep_perfect(capsys, corpus, other, "--limit", 3)
    assert json.loads((other / "evaluation-validation-first-3.json").read_text())["sentences"] == 3
    for file, content in whole.items():
        if "hypotheses" not in file.name:
            assert file.read_bytes() == content
        else:
            file.unlink()
    asked.clear()
    result = result_of(capsys, "--run-dir", make_run("this"), "--compare", other, "--limit", 3)
    assert asked == ["this"] and result["comparison"]["bleu_tok"]["other_score"] == pytest.approx(100)


def test_flags_without_influence_on_a_translation_may_differ(make_run, asked, corpus, tmp_path, capsys):
    other = make_run("other")
    keep_perfect(capsys, corpus, other, "--debug", "--data-dir", tmp_path)
    asked.clear()
    assert main(["evaluate", "--run-dir", str(make_run("this")), "--compare", str(other)]) == 0
    assert asked == ["this"]
    device, run_folder, kept = capsys.readouterr().err.splitlines()
    assert device.startswith("Device: ") and run_folder == f"Run folder: {tmp_path / 'this'}"
    assert kept == f"Compared with the translations in {other}"


@pytest.mark.parametrize(
    "arguments",
    [["--limit", "3"], ["--beam-size", "2"], ["--length-penalty", "0.5"], ["--split", "test"]],
    ids=lambda arguments: arguments[0],
)
def test_translations_of_less_text_or_with_other_settings_are_made_anew(arguments, make_run, asked, corpus, capsys):
    other = make_run("other")
    keep_perfect(capsys, corpus, other, *arguments)
    asked.clear()
    assert main(["evaluate", "--run-dir", str(make_run("this")), "--compare", str(other), "--json"]) == 0
    printed = capsys.readouterr()
    assert asked == ["other", "this"]
    remark = f"{other} keeps no translations of this text with these settings: translating"
    assert printed.err.splitlines()[-1] == remark
    assert json.loads(printed.out)["comparison"]["bleu_tok"]["difference"] == 0


def test_translations_of_an_earlier_model_are_made_anew(make_run, asked, corpus, capsys):
    other = make_run("other")
    keep_perfect(capsys, corpus, other)
    (other / "model.keras").write_text("weights after more training")
    asked.clear()
    result_of(capsys, "--run-dir", make_run("this"), "--compare", other)
    assert asked == ["other", "this"]


@pytest.mark.parametrize("name", ["en.dev", "references", "hypotheses"])
def test_translations_of_text_that_has_changed_are_made_anew(name, make_run, asked, corpus, capsys):
    other = make_run("other")
    keep_perfect(capsys, corpus, other)
    file = corpus / name if name == "en.dev" else other / f"evaluation-validation.{name}.txt"
    lines = file.read_text("utf-8").splitlines()
    changed = lines[:-1] if name == "hypotheses" else [*lines[:-1], "yes !"]
    file.write_text("".join(f"{line}\n" for line in changed), "utf-8")
    asked.clear()
    result_of(capsys, "--run-dir", make_run("this"), "--compare", other)
    assert asked == ["other", "this"]


def test_an_evaluation_that_lacks_a_file_is_made_anew(make_run, asked, corpus, capsys):
    other, this = make_run("other"), make_run("this")
    for ending in ("json", "hypotheses.txt", "references.txt"):
        keep_perfect(capsys, corpus, other)
        (other / f"evaluation-validation.{ending}").unlink()
        asked.clear()
        result_of(capsys, "--run-dir", this, "--compare", other)
        assert asked == ["other", "this"]


def test_the_other_run_folder_is_left_as_it_is(make_run, asked, capsys):
    other = make_run("other")
    result_of(capsys, "--run-dir", make_run("this"), "--compare", other)
    assert sorted(path.name for path in other.iterdir()) == ["config.json", "model.keras"]


def test_a_run_of_other_languages_is_refused(make_run, asked, capsys):
    other = make_run("other", source_language="en", target_language="pt")
    assert main(["evaluate", "--run-dir", str(make_run("this")), "--compare", str(other)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == f"Error: --compare needs a run that translates pt to en, {other} translates en to pt."
    assert asked == []


@pytest.mark.parametrize("language", ["pt", "en"])
def test_a_run_of_another_corpus_is_refused_until_data_names_one_for_both(language, make_run, asked, corpus, capsys):
    second = shutil.copytree(corpus, corpus.with_name("second"))
    file = second / f"{language}.dev"
    file.write_text(file.read_text("utf-8").replace("gato", "rato").replace("cat", "mouse"), "utf-8")
    this, other = make_run("this"), make_run("other", data=str(second))
    assert main(["evaluate", "--run-dir", str(this), "--compare", str(other)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == (
        f"Error: {other} has other sentences: validation of its corpus {second} is not that of {corpus}. "
        "Add --data CORPUS, and both runs translate the same text."
    )
    assert asked == []
    result_of(capsys, "--run-dir", this, "--compare", other, "--data", second)
    assert asked == ["other", "this"]


def test_the_same_text_in_another_place_is_the_same_corpus(make_run, asked, corpus, capsys):
    copy = shutil.copytree(corpus, corpus.with_name("copy"))
    for language in ("pt", "en"):
        with (copy / f"{language}.dev").open("a") as file:
            file.write("\n")  # a blank pair, which is skipped
    result_of(capsys, "--run-dir", make_run("this"), "--compare", make_run("other", data=str(copy)))
    assert asked == ["other", "this"]


def test_another_run_that_is_none_is_refused_before_anything_is_translated(make_run, asked, tmp_path, capsys):
    assert main(["evaluate", "--run-dir", str(make_run("this")), "--compare", str(tmp_path / "nowhere")]) == 2
    assert "nowhere is not a run folder" in capsys.readouterr().err.splitlines()[-1]
    assert asked == []


def test_a_corpus_given_by_its_relative_path_is_kept_by_its_absolute_one(make_run, asked, corpus, capsys, monkeypatch):
    monkeypatch.chdir(corpus.parent)
    run = make_run("a")
    assert result_of(capsys, "--run-dir", run, "--data", "corpus")["data"] == str(corpus)
    assert (run / "evaluation-corpus-validation.hypotheses.txt").read_text() == f"{ANEW}\n" * 4


def test_the_table_holds_what_the_object_holds(make_run, asked, corpus, capsys):
    this, other = make_run("this"), make_run("other")
    keep_perfect(capsys, corpus, other)
    assert main(["evaluate", "--run-dir", str(this), "--compare", str(other)]) == 0
    printed, found = capsys.readouterr().out, json.loads((this / "evaluation-validation.json").read_text())
    lines = printed.splitlines()
    bleu, test = found["bleu_tok"], found["comparison"]["bleu_tok"]
    assert lines[0].split() == ["bleu_tok", f"{bleu:.2f}", found["bleu_tok_signature"]]
    below = lines.index("source words  bleu_tok  sentences") + 1
    assert lines[below].split() == ["1-9", f"{bleu:.2f}", "4"]
    assert "translations: 0.0% copied from the source, 0.0% empty, 25.0% cut at the length limit" in lines
    assert "validation lines that also stand in train: 1 pairs, 2 sources, 1 targets" in lines
    numbers = [f"{bleu:.2f}", "±", f"{test['interval']:.2f}", "100.00", "±", "0.00", f"{bleu - 100:+.2f}"]
    below = lines.index(f"paired bootstrap test against {other}; 95 % of the resamples lie within ±") + 1
    assert lines[below].split() == ["this", "run", "other", "run", "difference", "p"]
    assert lines[below + 1].split() == ["bleu_tok", *numbers, f"{test['p_value']:.3f}", test["signature"]]
    assert "truncated 1, sentences 4, seconds 2.46, " in lines[-1] and "beam_size 1" in lines[-1]
    assert not any(text in printed for text in ("{", "compared_with", found["model_sha256"]))


def test_without_a_comparison_the_table_has_none(make_run, asked, corpus, capsys):
    assert main(["evaluate", "--run-dir", str(make_run("a")), "--data", str(corpus)]) == 0
    printed = capsys.readouterr().out
    assert "bootstrap" not in printed and "stand in train" not in printed and "1-9" in printed
