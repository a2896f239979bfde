import dataclasses
import shutil

import numpy as np
import pytest

from transformer_tutorial.config import Config
from transformer_tutorial.data import sharded_corpus
from transformer_tutorial.data.corpus import open_corpus
from transformer_tutorial.data.prepared import encode_split
from transformer_tutorial.data.sharded_corpus import prepare_sharded, survey, training_stream
from transformer_tutorial.runtime.errors import UsageError

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


def test_what_is_left_of_a_killed_preparation_is_no_obstacle(prepared, folder, tmp_path, monkeypatch):
    def fail(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sharded_corpus, "write_shards", fail)
        prepare_sharded(open_corpus(str(folder)), CONFIG, tmp_path)
    again = prepare_sharded(open_corpus(str(folder)), CONFIG, tmp_path)
    folders = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    assert again.train.pairs == 598 and folders == [prepared.digest[:16]]


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
