import dataclasses
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from small_disk import on_small_disk
from transformer_tutorial.config import Config
from transformer_tutorial.data import sharded_corpus
from transformer_tutorial.data.corpus import open_corpus
from transformer_tutorial.data.prepared import encode_split
from transformer_tutorial.data.sharded_corpus import prepare_sharded, survey, training_stream
from transformer_tutorial.runtime.errors import Failure, UsageError

CONFIG = Config(tokenizer="sentencepiece", lower_case=False, vocab_size=400, max_tokens=8)
WORDS = ["o", "a", "gato", "cão", "casa", "vê", "ouve", "não", "um", "uma", "azul", "verde", "maçã", "avó", "João"]


def sentences(count: int, seed: int) -> list[str]:
    generator = np.random.default_rng(seed)
    return [f"{number} {' '.join(generator.choice(WORDS, generator.integers(1, 9)))}" for number in range(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """600 training pairs, two of them with a blank side, and 8 for validation."""
    folder = tmp_path_factory.mktemp("corpus")
    for seed, (name, count) in enumerate((("pt.train", 600), ("en.train", 600), ("pt.dev", 8), ("en.dev", 8))):
        lines = sentences(count, seed)
        if name == "pt.train":
            lines[3] = lines[500] = " "
        (folder / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return folder


@pytest.fixture(scope="module")
def prepared(folder, tmp_path_factory):
    return prepare_sharded(open_corpus(str(folder)), CONFIG, tmp_path_factory.mktemp("cache"))


def rows(pairs) -> list[tuple]:
    return sorted((tuple(source.tolist()), tuple(target.tolist())) for source, target in pairs)


def test_the_shards_hold_what_reading_at_once_gives(prepared, folder):
    split = open_corpus(str(folder)).read("train")
    expected = encode_split(split, prepared.tokenizers, CONFIG.max_tokens)
    shards = [prepared.train.read(number) for number in range(len(prepared.train))]
    assert rows(pair for shard in shards for pair in zip(shard.source, shard.target, strict=True)) == rows(
        zip(expected.source, expected.target, strict=True)
    )
    assert (prepared.train.pairs, prepared.train.skipped) == (598, 2)
    assert prepared.train.truncated == expected.truncated > 0


def test_validation_and_its_text_are_as_ever(prepared, folder):
    split = open_corpus(str(folder)).read("validation")
    assert prepared.text == {"validation": split} and len(prepared.validation.source) == 8
    expected = encode_split(split, prepared.tokenizers, CONFIG.max_tokens)
    assert [row.tolist() for row in prepared.validation.source] == [row.tolist() for row in expected.source]


def test_a_second_time_nothing_is_written(prepared, folder, monkeypatch):
    monkeypatch.setattr(sharded_corpus, "write_shards", None)
    again = prepare_sharded(open_corpus(str(folder)), CONFIG, prepared.folder.parent)
    assert (again.digest, again.train.truncated) == (prepared.digest, prepared.train.truncated)


def test_a_text_is_read_again_only_when_its_files_have_changed(folder, tmp_path, monkeypatch):
    reads = []

    def counted(stream, **options):
        reads.append(1)
        return survey(stream, **options)

    monkeypatch.setattr(sharded_corpus, "survey", counted)
    copy, cache = shutil.copytree(folder, tmp_path / "copy"), tmp_path / "cache"
    first, second = (prepare_sharded(open_corpus(str(copy)), CONFIG, cache) for _ in range(2))
    assert len(reads) == 1 and second.digest == first.digest
    (note,) = cache.glob("text-*.json")
    note.write_text("{")  # damaged
    assert prepare_sharded(open_corpus(str(copy)), CONFIG, cache).digest == first.digest and len(reads) == 2
    other = dataclasses.replace(CONFIG, max_tokens=9)
    assert prepare_sharded(open_corpus(str(copy)), other, cache).digest != first.digest
    assert len(reads) == 3, "for the sample that the tokenizers are learnt from"
    lines = (copy / "pt.train").read_text("utf-8")
    (copy / "pt.train").write_text(lines.replace("\n598 ", "\n599 ", 1), "utf-8")
    monkeypatch.setattr(sharded_corpus, "_prepare", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        prepare_sharded(open_corpus(str(copy)), CONFIG, cache)
    assert len(reads) == 4


def folders_in(cache) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.is_dir())


def test_an_interrupted_preparation_leaves_nothing(folder, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(sharded_corpus, "write_shards", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare_sharded(open_corpus(str(folder)), CONFIG, tmp_path)
    assert folders_in(tmp_path) == []


def test_what_is_left_of_a_killed_preparation_is_no_obstacle(prepared, folder, tmp_path):
    (tmp_path / f"{prepared.digest[:16]}.tmp-{os.getpid()}" / "new" / "shards" / "pairs").mkdir(parents=True)
    again = prepare_sharded(open_corpus(str(folder)), CONFIG, tmp_path)
    assert again.train.pairs == 598 and folders_in(tmp_path) == [prepared.digest[:16]]


@pytest.mark.parametrize("size", [0.5, 0])
@pytest.mark.parametrize(
    "name",
    ["validation.npz", "report.json", "tokenizers/en.model", "shards/about.json", "shards/lengths.npy", "shards/pairs"],
)
def test_a_damaged_folder_is_prepared_anew_after_one_warning(prepared, folder, tmp_path, capsys, name, size):
    damaged = shutil.copytree(prepared.folder, tmp_path / prepared.folder.name)
    file = next((damaged / name).rglob("*tfrecord*"), damaged / name)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * size)])
    again = prepare_sharded(open_corpus(str(folder)), CONFIG, tmp_path)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "Warning" in line]
    assert warnings == [f"Warning: {damaged} is damaged and is prepared anew."]
    assert folders_in(tmp_path) == [damaged.name]
    ours, before = (rows(zip(*found.train.read(0)[:2], strict=True)) for found in (again, prepared))
    assert ours == before and again.train.lengths(0).tolist() == prepared.train.lengths(0).tolist()


@pytest.mark.parametrize("name", ["shards/about.json", "shards/lengths.npy"])
def test_a_damaged_folder_without_sizes_is_noticed_too(prepared, folder, tmp_path, capsys, name):
    damaged = shutil.copytree(prepared.folder, tmp_path / prepared.folder.name)
    (damaged / "sizes.json").unlink()
    (damaged / name).write_bytes(b"")
    assert prepare_sharded(open_corpus(str(folder)), CONFIG, tmp_path).train.pairs == 598
    assert f"Warning: {damaged} is damaged and is prepared anew." in capsys.readouterr().err


def test_where_another_process_was_faster_its_folder_is_used(prepared, folder, tmp_path, monkeypatch):
    theirs = tmp_path / prepared.folder.name

    def write(*arguments):
        write_shards(*arguments)
        (shutil.copytree(prepared.folder, theirs) / "theirs").touch()

    write_shards = sharded_corpus.write_shards
    monkeypatch.setattr(sharded_corpus, "write_shards", write)
    found = prepare_sharded(open_corpus(str(folder)), CONFIG, tmp_path)
    assert (theirs / "theirs").exists() and folders_in(tmp_path) == [theirs.name]
    assert found.train.folder == theirs / "shards"


def test_a_full_disk_is_told_in_one_sentence_and_nothing_stays(folder, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sharded_corpus, "write_shards", full)
    message = r"The prepared corpus could not be written to .*: No space left on device\. Make room .* --data-dir\."
    with pytest.raises(Failure, match=message):
        prepare_sharded(open_corpus(str(folder)), CONFIG, tmp_path)
    assert folders_in(tmp_path) == []


def test_where_no_note_can_be_written_the_text_is_read_each_time(prepared, folder, tmp_path, monkeypatch):
    def full(file, text):
        file.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    shutil.copytree(prepared.folder, tmp_path / prepared.folder.name)
    monkeypatch.setattr(sharded_corpus.Path, "write_text", full)
    assert prepare_sharded(open_corpus(str(folder)), CONFIG, tmp_path).digest == prepared.digest
    assert [path.name for path in tmp_path.iterdir()] == [prepared.folder.name]


FULL_DISK = """
import sys
from pathlib import Path
import numpy as np
from transformer_tutorial.data.shards import write_shards

ids = np.random.default_rng(0).integers(4, 500, (3000, 2, 20), "int32")
try:
    write_shards(Path(sys.argv[1]) / "shards", map(tuple, ids), 3000)
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize("size", ["64k", "252k"], ids=["at the shards", "at the lengths"])
def test_a_disk_that_is_really_full_is_an_error_and_no_crash(tmp_path, size):
    command = [*on_small_disk(tmp_path, size), sys.executable, "-c", FULL_DISK, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    finished = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip().endswith("No space left on device")


def digest_of(folder, config=CONFIG) -> str:
    return survey(training_stream(open_corpus(str(folder)))).digest


def test_the_digest_depends_on_every_line(folder, tmp_path):
    before = digest_of(folder)
    assert before == digest_of(folder)
    for name in ("pt.train", "en.train"):
        lines = (folder / name).read_text("utf-8")
        (folder / name).write_text(lines.replace("\n598 ", "\n599 ", 1), "utf-8")
        assert digest_of(folder) != before
        (folder / name).write_text(lines, "utf-8")


def test_other_settings_make_another_folder(prepared, folder, tmp_path, monkeypatch):
    class WrittenError(Exception):
        pass

    def write(*arguments):
        raise WrittenError

    monkeypatch.setattr(sharded_corpus, "_prepare", write)
    with pytest.raises(WrittenError):
        other = dataclasses.replace(CONFIG, max_tokens=9)
        prepare_sharded(open_corpus(str(folder)), other, prepared.folder.parent)


def test_a_corpus_that_is_no_folder_is_streamed_too():
    pairs = list(training_stream(open_corpus("phrasebook"))())
    split = open_corpus("phrasebook").read("train")
    assert pairs == list(zip(split.source, split.target, strict=True))


def numbered(count: int):
    return lambda: ((f"s{i}", f"t{i}") for i in range(count))


def test_a_short_text_is_its_own_sample():
    found = survey(numbered(5), most=5)
    assert (found.pairs, found.skipped, found.sample.source) == (5, 0, [f"s{i}" for i in range(5)])


def test_a_sample_is_of_pairs_from_everywhere():
    sample = survey(numbered(4000), most=400).sample
    places = [int(text[1:]) for text in sample.source]
    assert sample.target == [f"t{place}" for place in places] and len(set(places)) == 400
    assert all(60 < sum(low <= place < low + 1000 for place in places) < 140 for low in range(0, 4000, 1000))


def test_a_text_of_blank_pairs_is_refused():
    with pytest.raises(UsageError, match=r"no training pair with text on both sides, of 3 read\."):
        survey(lambda: iter([("a", " "), ("", "b"), ("", "")]))
