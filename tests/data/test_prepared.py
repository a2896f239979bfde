import dataclasses
import errno
import os
import shutil
from pathlib import Path

import pytest

from transformer_tutorial.config import Config
from transformer_tutorial.data import kept_folder
from transformer_tutorial.data import prepared as prepared_module
from transformer_tutorial.data.corpus import Split, open_corpus
from transformer_tutorial.data.prepared import corpus_digest, default_cache_dir, encode_split, learn_tokenizers, prepare
from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.runtime.errors import Failure, UsageError

CONFIG = Config(tokenizer="sentencepiece", lower_case=False, vocab_size=400, max_tokens=24, tokens_per_batch=128)


@pytest.fixture(scope="module")
def kept(tiny_corpus, tmp_path_factory):
    """A cache with the tiny corpus prepared for CONFIG, and what `prepare` returned."""
    cache = tmp_path_factory.mktemp("cache")
    return cache, prepare(open_corpus(str(tiny_corpus)), CONFIG, cache)


@pytest.fixture
def no_training(monkeypatch):
    def train(*arguments, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr(TokenizerPair, "train", train)


def rows(split) -> list[list[list[int]]]:
    return [[row.tolist() for row in side] for side in (split.source, split.target)]


def test_what_is_kept_is_what_a_fresh_encoding_gives(kept, tiny_corpus):
    cache, prepared = kept
    corpus = open_corpus(str(tiny_corpus))
    for name in ("train", "validation"):
        fresh = encode_split(corpus.read(name), prepared.tokenizers, CONFIG.max_tokens)
        found = getattr(prepared, name)
        assert rows(found) == rows(fresh)
        assert (found.skipped, found.truncated) == (fresh.skipped, fresh.truncated)
    assert len(prepared.train.source) == 48 and len(prepared.validation.source) == 8
    assert prepared.folder == cache / prepared.digest[:16]


def test_a_corpus_is_prepared_once(kept, tiny_corpus, no_training):
    cache, first = kept
    again = prepare(open_corpus(str(tiny_corpus)), CONFIG, cache)
    assert again.digest == first.digest and rows(again.train) == rows(first.train)
    assert again.tokenizers.pt.to_bytes() == first.tokenizers.pt.to_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"vocab_size": 401},
        {"max_tokens": 25},
        {"lower_case": True},
        {"tokenizer": "wordpiece"},
        {"joint_vocab": True},
        {"sentencepiece_model": "bpe"},
    ],
)
def test_other_tokenizer_settings_are_prepared_anew(kept, tiny_corpus, no_training, change):
    with pytest.raises(AssertionError, match="trained again"):
        prepare(open_corpus(str(tiny_corpus)), dataclasses.replace(CONFIG, **change), kept[0])


def test_settings_of_the_model_are_not_the_corpuss(kept, tiny_corpus, no_training):
    config = dataclasses.replace(CONFIG, d_model=64, epochs=1, seed=5)
    assert prepare(open_corpus(str(tiny_corpus)), config, kept[0]).digest == kept[1].digest


@pytest.mark.parametrize("name", ["pt.train", "en.train", "pt.dev", "en.dev"])
def test_another_text_is_prepared_anew(kept, tiny_corpus, tmp_path, no_training, name):
    for file in tiny_corpus.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    text = (tmp_path / name).read_text("utf-8")
    (tmp_path / name).write_text(text.replace(" .", "!", 1), "utf-8")
    with pytest.raises(AssertionError, match="trained again"):
        prepare(open_corpus(str(tmp_path)), CONFIG, kept[0])


def test_lines_that_change_places_or_sides_make_another_digest():
    sides = (["um", "dois"], ["one", "two"]), (["um", "dois"], ["two", "one"]), (["um", "dois", "one"], ["two"])
    assert len({corpus_digest([Split(*pair, 0)], CONFIG) for pair in sides}) == 3


def test_what_a_killed_process_left_half_written_is_ignored(kept, tiny_corpus, tmp_path, capsys):
    _, whole = kept
    own, other = (f"{whole.folder.name}.tmp-{pid}" for pid in (os.getpid(), 1))
    for name in (own, other):
        (tmp_path / name / "new" / "tokenizers").mkdir(parents=True)
        (tmp_path / name / "new" / "train.npz").write_bytes(b"PK")
    again = prepare(open_corpus(str(tiny_corpus)), CONFIG, tmp_path)
    assert rows(again.train) == rows(whole.train) and again.folder == tmp_path / whole.folder.name
    assert names(tmp_path) == [whole.folder.name, other] and "Warning" not in capsys.readouterr().err


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def copy(folder: Path, parent: Path) -> Path:
    return shutil.copytree(folder, parent / folder.name)


def old_copy(folder: Path, parent: Path) -> Path:
    """Without the list of sizes, as an earlier version of this project has made it."""
    (copy(folder, parent) / "sizes.json").unlink()
    return parent / folder.name


DAMAGE = {
    "half": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
}
FILES = (
    "train.npz",
    "validation.npz",
    "report.json",
    "sizes.json",
    "tokenizers/tokenizers.json",
    "tokenizers/pt.model",
)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_folder_is_prepared_anew_after_one_warning(kept, tiny_corpus, tmp_path, capsys, name, damage):
    whole = kept[1]
    folder = (copy if name == "sizes.json" else old_copy)(whole.folder, tmp_path)
    (folder / name).write_bytes(DAMAGE[damage]((folder / name).read_bytes()))
    again = prepare(open_corpus(str(tiny_corpus)), CONFIG, tmp_path)
    assert rows(again.train) == rows(whole.train) and rows(again.validation) == rows(whole.validation)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "Warning" in line]
    assert warnings == [f"Warning: {folder} is damaged and is prepared anew."] and names(tmp_path) == [folder.name]
    prepare(open_corpus(str(tiny_corpus)), CONFIG, tmp_path)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", FILES)
def test_a_folder_without_one_of_its_files_is_prepared_anew(kept, tiny_corpus, tmp_path, capsys, name):
    folder = old_copy(kept[1].folder, tmp_path)
    (folder / name).unlink(missing_ok=True)
    prepare(open_corpus(str(tiny_corpus)), CONFIG, tmp_path)
    assert ("is damaged" in capsys.readouterr().err) == (name != "sizes.json")


def test_a_vocabulary_that_was_cut_short_is_noticed(tiny_corpus, tmp_path, capsys):
    config = dataclasses.replace(CONFIG, tokenizer="wordpiece")
    whole = prepare(open_corpus(str(tiny_corpus)), config, tmp_path)
    file = whole.folder / "tokenizers" / "pt.vocab.txt"
    pieces = file.read_bytes()
    file.write_bytes(pieces[: len(pieces) // 2])
    prepare(open_corpus(str(tiny_corpus)), config, tmp_path)
    assert file.read_bytes() == pieces and "is damaged and is prepared anew" in capsys.readouterr().err


@pytest.mark.parametrize("cause", [ImportError("no such library"), PermissionError(errno.EACCES, "Permission denied")])
def test_what_cannot_be_read_for_another_reason_is_not_called_damaged(kept, tiny_corpus, monkeypatch, capsys, cause):
    def load(folder):
        raise UsageError("cannot be read") from cause

    monkeypatch.setattr(TokenizerPair, "load", load)
    with pytest.raises(UsageError, match="cannot be read"):
        prepare(open_corpus(str(tiny_corpus)), CONFIG, kept[0])
    assert capsys.readouterr().err == ""


@pytest.fixture
def faster(kept, monkeypatch):
    """Puts another process's whole folder into a cache while one is being prepared; returns how to ask for that."""

    def appears_in(parent: Path) -> Path:
        folder = parent / kept[1].folder.name

        def learn(*arguments):
            tokenizers = learn_tokenizers(*arguments)
            shutil.rmtree(folder, ignore_errors=True)
            (copy(kept[1].folder, parent) / "theirs").touch()
            return tokenizers

        monkeypatch.setattr(prepared_module, "learn_tokenizers", learn)
        return folder

    return appears_in


@pytest.mark.parametrize("damaged", [False, True])
def test_where_another_process_was_faster_its_folder_is_used(kept, tiny_corpus, tmp_path, monkeypatch, faster, damaged):
    folder, renamed, rename = faster(tmp_path), [], os.rename
    monkeypatch.setattr(os, "rename", lambda source, target: (renamed.append(source), rename(source, target)))
    if damaged:
        folder.mkdir()
    again = prepare(open_corpus(str(tiny_corpus)), CONFIG, tmp_path)
    assert (folder / "theirs").exists() and names(tmp_path) == [folder.name]
    assert again.folder == folder and rows(again.train) == rows(kept[1].train)
    assert folder not in renamed, "it may be in use"


def test_a_damaged_folder_that_another_process_has_just_repaired_stays(kept, tiny_corpus, tmp_path, monkeypatch):
    folder, rename = tmp_path / kept[1].folder.name, os.rename
    folder.mkdir()

    def late(source, target):
        if source == folder and not (folder / "theirs").exists():
            folder.rmdir()
            (copy(kept[1].folder, tmp_path) / "theirs").touch()
        rename(source, target)

    monkeypatch.setattr(kept_folder.os, "rename", late)
    prepare(open_corpus(str(tiny_corpus)), CONFIG, tmp_path)
    assert (folder / "theirs").exists() and names(tmp_path) == [folder.name]


def test_a_damaged_folder_that_another_process_has_just_removed_is_no_obstacle(
    kept, tiny_corpus, tmp_path, monkeypatch
):
    folder, rename = tmp_path / kept[1].folder.name, os.rename
    folder.mkdir()

    def late(source, target):
        if source == folder:
            folder.rmdir()
        rename(source, target)

    monkeypatch.setattr(kept_folder.os, "rename", late)
    prepare(open_corpus(str(tiny_corpus)), CONFIG, tmp_path)
    assert names(tmp_path) == [folder.name] and "train.npz" in names(folder)


def test_everything_is_on_the_disk_before_the_folder_gets_its_name(kept, tiny_corpus, tmp_path, monkeypatch):
    calls, fsync, rename = [], os.fsync, os.rename
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd)))
    monkeypatch.setattr(os, "rename", lambda a, b: (calls.append("rename"), rename(a, b)))
    folder = prepare(open_corpus(str(tiny_corpus)), CONFIG, tmp_path).folder
    beside = tmp_path / f"{folder.name}.tmp-{os.getpid()}"
    expected = {beside, beside / "new", *(beside / "new" / path.relative_to(folder) for path in folder.rglob("*"))}
    turn = calls.index("rename")
    synced = list(map(Path, calls[:turn]))
    assert sorted(synced) == sorted(expected) and len(expected) == 10
    assert all(synced.index(path) < synced.index(path.parent) for path in expected - {beside}), "the deepest first"
    assert calls[turn + 1 :] == [str(tmp_path)]


def full(*arguments, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("where", "call"),
    [
        (prepared_module.np, "savez"),
        (Path, "mkdir"),
        (Path, "write_text"),
        (kept_folder.os, "rename"),
        (kept_folder.checkpoints, "sync"),
    ],
)
def test_a_full_disk_is_told_in_one_sentence_and_nothing_stays(tiny_corpus, tmp_path, monkeypatch, where, call):
    monkeypatch.setattr(where, call, full)
    with pytest.raises(Failure) as raised:
        prepare(open_corpus(str(tiny_corpus)), CONFIG, tmp_path)
    assert str(raised.value) == (
        f"The prepared corpus could not be written to {tmp_path}: No space left on device. Make room and run the same "
        "command again, or choose another --data-dir."
    )
    assert names(tmp_path) == []


def test_sentences_that_are_cut_are_counted_on_both_sides(tiny_corpus, tmp_path):
    config = dataclasses.replace(CONFIG, max_tokens=4)
    prepared = prepare(open_corpus(str(tiny_corpus)), config, tmp_path)
    assert max(map(len, prepared.train.source)) == 4 and max(map(len, prepared.train.target)) == 5
    assert prepared.train.truncated > len(prepared.train.source)


def test_prepared_corpora_are_kept_beside_the_data_or_in_the_users_cache(monkeypatch):
    assert default_cache_dir(Path("/data")) == Path("/data/prepared")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert default_cache_dir(None) == Path("/cache/transformer_tutorial/prepared")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_dir(None) == Path.home() / ".cache/transformer_tutorial/prepared"
