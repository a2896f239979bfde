import dataclasses
import errno
import json
import os
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from transformer_tutorial.config import Config
from transformer_tutorial.data.corpus import open_corpus
from transformer_tutorial.data.prepared import EncodedSplit, PreparedCorpus
from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.data.tokenizers import WordPieceTokenizer
from transformer_tutorial.learning.run_folder import RunFolder, check_fit
from transformer_tutorial.model import Transformer
from transformer_tutorial.runtime.errors import Failure, UsageError
from transformer_tutorial.token_ids import RESERVED_TOKENS

CONFIG = Config(epochs=2)


def letters(pieces: str) -> WordPieceTokenizer:
    return WordPieceTokenizer([*RESERVED_TOKENS, *pieces])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    split = EncodedSplit([np.array([2, 4, 3])] * 3, [np.array([2, 5, 3])] * 3, 0, 0)
    tokenizers = TokenizerPair(letters("ab"), letters("abc"))
    folder = tmp_path_factory.mktemp("prepared")
    return PreparedCorpus("0123456789abcdef" * 4, tokenizers, split, split, {}, folder, open_corpus("phrasebook"))


@pytest.fixture
def run(tmp_path, prepared):
    folder = RunFolder(tmp_path / "run")
    folder.begin(CONFIG, prepared)
    return folder


@pytest.fixture(scope="module")
def model():
    """A Transformer for the tokenizers of `prepared`, 6 and 7 pieces."""
    transformer = Transformer(num_layers=1, d_model=8, num_heads=2, dff=8, input_vocab_size=6, target_vocab_size=7)
    transformer.build(((None, None), (None, None)))
    return transformer


def names(folder) -> set[str]:
    return {path.name for path in folder.path.iterdir()}


def test_a_new_run_folder_holds_config_corpus_versions_and_tokenizers(tmp_path, prepared):
    run = RunFolder(tmp_path / "a" / "run")
    assert run.begin(CONFIG, prepared) is False
    assert names(run) == {"config.json", "corpus.json", "versions.json", "tokenizers"}
    assert Config.from_json((run.path / "config.json").read_text()) == CONFIG
    assert json.loads((run.path / "corpus.json").read_text()) == {
        "digest": prepared.digest,
        "pairs": {"train": 3, "validation": 3},
    }
    versions = json.loads((run.path / "versions.json").read_text())
    assert versions["keras"] == keras.__version__ and {"python", "platform", "tensorflow", "backend"} <= set(versions)
    assert TokenizerPair.load(run.tokenizers).en.to_bytes() == prepared.tokenizers.en.to_bytes()


def test_the_same_training_is_resumed(run, prepared):
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    assert run.begin(CONFIG, prepared) is True
    assert before == {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}


def test_an_empty_folder_is_used(tmp_path, prepared):
    assert RunFolder(tmp_path).begin(CONFIG, prepared) is False


def test_another_config_is_refused_with_the_fields_that_differ(run, prepared):
    other = dataclasses.replace(CONFIG, epochs=3, data="ted")
    message = r"holds a training with another config: data: 'phrasebook' -> 'ted'; epochs: 2 -> 3\. Use the same config"
    with pytest.raises(UsageError, match=message):
        run.begin(other, prepared)


def test_a_changed_corpus_is_refused_with_both_digests(run, prepared):
    message = (
        r"The corpus phrasebook has changed since .* was begun \(digest 0123456789ab, not ffffffffffff\)\. Restore it"
    )
    with pytest.raises(UsageError, match=message):
        run.begin(CONFIG, prepared._replace(digest="f" * 64))


@pytest.mark.parametrize("name", ["thesis.docx", "config.json.bak", "tokenizers.zip"])
def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(tmp_path, prepared, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match="is not empty and not a run folder. Choose another --run-dir."):
        RunFolder(tmp_path).begin(CONFIG, prepared)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_is_no_run_folder(tmp_path, prepared):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(UsageError, match="is not empty and not a run folder"):
        RunFolder(tmp_path / "run").begin(CONFIG, prepared)


@pytest.mark.parametrize("written", range(4))
def test_a_run_killed_while_its_folder_was_made_begins_again(tmp_path, prepared, written, monkeypatch):
    class KilledError(BaseException):
        pass

    replaced = []

    def replace(source, target):
        if len(replaced) == written:
            raise KilledError
        replaced.append(os.rename(source, target))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        if written < 3:
            with pytest.raises(KilledError):
                RunFolder(tmp_path).begin(CONFIG, prepared)
        else:
            assert RunFolder(tmp_path).begin(CONFIG, prepared) is False
    assert RunFolder(tmp_path).begin(CONFIG, prepared) is (written == 3)
    assert RunFolder(tmp_path).begin(CONFIG, prepared) is True


def test_a_stored_model_comes_back_with_its_tokenizers(run, model, prepared):
    run.save_model(model)
    again, tokenizers = run.load_model()
    for here, there in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(here, there)
    assert tokenizers.pt.to_bytes() == prepared.tokenizers.pt.to_bytes()
    assert not list(run.path.glob("tmp-*"))


def test_a_full_disk_leaves_the_previous_model_whole(run, model):
    run.save_model(model)
    before = run.model.read_bytes()

    def save(path):
        path.write_bytes(before[:1000])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    message = r"model\.keras could not be written: No space left on device\. A previous one is whole"
    with pytest.raises(Failure, match=message):
        run.save_model(SimpleNamespace(save=save))
    assert run.model.read_bytes() == before
    assert not list(run.path.glob("tmp-*"))


def test_no_model_is_loaded_from_what_is_no_run_folder(tmp_path):
    with pytest.raises(UsageError, match=r"is not a run folder: config\.json is missing"):
        RunFolder(tmp_path).load_model()


def test_a_run_without_a_model_yet_says_so(run):
    with pytest.raises(
        UsageError, match=r"has no model\.keras yet: its first epoch has not ended\. Train on, then retry"
    ):
        run.load_model()
    assert not run.has_whole_model()


def test_a_damaged_model_is_refused_wherever_the_damage_is(run, model):
    run.save_model(model)
    assert run.has_whole_model()
    whole = run.model.read_bytes()
    weights = whole.index(b"model.weights.h5") + 5000
    flipped = [bytes([*whole[:at], whole[at] ^ 1, *whole[at + 1 :]]) for at in (0, weights, len(whole) - 30)]
    for damaged in (b"", whole[: len(whole) // 2], whole[:-1], *flipped):
        run.model.write_bytes(damaged)
        with pytest.raises(UsageError, match=r"model\.keras is damaged\. Run the same `train` command again"):
            run.load_model()


def test_tokenizers_of_another_model_are_refused(run, model, prepared):
    TokenizerPair(letters("abcdef"), letters("abc")).save(run.tokenizers)
    run.save_model(model)
    message = r"it has 6 source and 7 target tokens, they have 10 and 7\. Use the tokenizers the model was trained with"
    with pytest.raises(UsageError, match=message):
        run.load_model()
    check_fit(model, prepared.tokenizers)


def test_metrics_are_one_line_an_epoch_and_a_repeated_epoch_replaces_its_line(run):
    assert run.read_metrics() == []
    for epoch, loss in ((1, 5.0), (2, 4.0), (3, 3.0), (2, 3.5)):
        run.append_metrics({"epoch": epoch, "loss": loss})
    assert run.read_metrics() == [{"epoch": 1, "loss": 5.0}, {"epoch": 2, "loss": 3.5}]
    assert len(run.metrics.read_text().splitlines()) == 2


def test_a_text_file_is_replaced_as_a_whole(run, monkeypatch):
    run.write_json("a.json", {"é": 1})
    assert json.loads((run.path / "a.json").read_text("utf-8")) == {"é": 1}

    def fail(*paths):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "replace", fail)
    message = (
        r"a\.json could not be written: broken\. A previous one is whole; make room and run the same command again"
    )
    with pytest.raises(Failure, match=message):
        run.write_text("a.json", "half")
    assert json.loads((run.path / "a.json").read_text("utf-8")) == {"é": 1}
    assert not list(run.path.glob("a.json.tmp-*"))


def test_what_a_killed_process_left_half_written_is_removed_when_the_run_goes_on(run, prepared):
    left = [run.path / name for name in ("tmp-123.keras", "metrics.jsonl.tmp-123")]
    for file in left:
        file.write_text("half")
    run.begin(CONFIG, prepared)
    assert not any(file.exists() for file in left)


def test_files_are_on_the_disk_before_they_get_their_names(run, model, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append(Path(os.readlink(f"/proc/self/fd/{fd}"))), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b)))
    run.save_model(model)
    run.append_metrics({"epoch": 1})
    beside = [run.path / f"{name}" for name in (f"tmp-{os.getpid()}.keras", f"metrics.jsonl.tmp-{os.getpid()}")]
    assert calls == [beside[0], "replace", beside[1], "replace"]


def test_a_new_folder_is_locked_and_then_begun(tmp_path, prepared):
    run = RunFolder(tmp_path / "a" / "run")
    with run.lock():
        assert names(run) == {"lock"}
        assert run.begin(CONFIG, prepared) is False
        with pytest.raises(Failure, match=rf"run is in use by process {os.getpid()} on "), run.lock():
            pass
    assert "lock" not in names(run)
    (run.path / "model.keras").write_text("and all else that a training leaves")
    with run.lock():
        assert run.begin(CONFIG, prepared) is True


def test_no_lock_is_put_into_a_folder_of_something_else(tmp_path):
    (tmp_path / "thesis.docx").write_text("mine")
    with pytest.raises(UsageError, match="is not empty and not a run folder"), RunFolder(tmp_path).lock():
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Failure, match=r"run cannot be made: Not a directory\. Choose another --run-dir"):
        RunFolder(tmp_path / "file" / "run").lock()
