import dataclasses
from pathlib import Path

import pytest

from transformer_tutorial.config import Config
from transformer_tutorial.data.corpus import open_corpus
from transformer_tutorial.data.prepared import default_cache_dir, encode_split, prepare
from transformer_tutorial.data.tokenizer_pair import TokenizerPair

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


def test_lines_moved_from_one_side_to_the_other_make_another_digest(kept, tmp_path, no_training):
    texts = {"pt.train": "um\ndois\n", "en.train": "one\ntwo\n", "pt.dev": "um\n", "en.dev": "one\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "cache").mkdir()
    with pytest.raises(AssertionError):
        prepare(open_corpus(str(tmp_path)), CONFIG, tmp_path / "cache")
    (half_written,) = (tmp_path / "cache").iterdir()
    (tmp_path / "en.train").write_text("two\none\n")
    with pytest.raises(AssertionError):
        prepare(open_corpus(str(tmp_path)), CONFIG, tmp_path / "cache")
    assert len({half_written.name, *(path.name for path in (tmp_path / "cache").iterdir())}) == 2


def test_what_a_killed_process_left_half_written_is_ignored(kept, tiny_corpus, tmp_path):
    _, whole = kept
    for name in (f"{whole.folder.name}.tmp-1", whole.folder.name):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.npz").write_bytes(b"PK")
    again = prepare(open_corpus(str(tiny_corpus)), CONFIG, tmp_path)
    assert rows(again.train) == rows(whole.train) and again.folder == tmp_path / whole.folder.name


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
