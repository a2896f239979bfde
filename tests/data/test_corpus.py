import pathlib
import sys
import types

import pytest

from transformer_tutorial.data import ted
from transformer_tutorial.data.corpus import Split, open_corpus
from transformer_tutorial.runtime.errors import UsageError

TED = pathlib.Path(__file__).resolve().parents[2] / "../shared/data/ted_hrlr_pt_en"


def write_folder(folder, **texts):
    """Files named as the keywords, with "_" for ".": pt_train="..." writes pt.train."""
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(folder)


@pytest.fixture
def phrasebook(monkeypatch):
    module = types.ModuleType("phrasebook")
    module.phrasebook_pairs = lambda split, seed=0: [(f"{split} um", f"{split} one"), (f"{split} dois", f"{split} two")]
    monkeypatch.setitem(sys.modules, "transformer_tutorial.data.phrasebook", module)


def test_a_folder_has_the_splits_for_which_there_are_files(tmp_path):
    corpus = open_corpus(write_folder(tmp_path, pt_train="um\n", en_train="one\n", pt_dev="dois\n", en_dev="two\n"))
    assert list(corpus.readers) == ["train", "validation"]
    assert corpus.read("train") == Split(["um"], ["one"], 0)
    assert corpus.read("validation") == Split(["dois"], ["two"], 0)


def test_the_languages_name_the_files_and_the_direction(tmp_path):
    folder = write_folder(tmp_path, de_train="eins\n", fr_train="un\n")
    corpus = open_corpus(folder, source_language="fr", target_language="de")
    assert corpus.read("train") == Split(["un"], ["eins"], 0)
    assert (corpus.source_language, corpus.target_language, corpus.name) == ("fr", "de", folder)


def test_a_folder_in_the_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_folder(tmp_path, pt_train="um\n", en_train="one\n")
    assert open_corpus("~").read("train").source == ["um"]


def test_pairs_with_a_blank_side_are_skipped_and_counted(tmp_path):
    folder = write_folder(tmp_path, pt_train="um\n \ntrês\n\nquatro\n", en_train="one\ntwo\n\t\n\nfour\n")
    assert open_corpus(folder).read("train") == Split(["um", "quatro"], ["one", "four"], 3)


def test_sentences_are_left_as_they_are(tmp_path):
    folder = write_folder(tmp_path, pt_train=" Olá\u2028 \n", en_train="Hi\x85\n")
    assert open_corpus(folder).read("train") == Split([" Olá\u2028 "], ["Hi\x85"], 0)


def test_the_test_split_is_not_opened_unless_asked_for(tmp_path):
    folder = write_folder(tmp_path, pt_train="um\n", en_train="one\n", pt_test=b"\xff\n", en_test="one\n")
    corpus = open_corpus(folder)
    assert corpus.read("train").source == ["um"]
    with pytest.raises(UsageError, match=r"pt.test, line 1: not valid UTF-8"):
        corpus.read("test")


def test_a_split_that_does_not_exist_is_refused_with_what_would_provide_it(tmp_path):
    corpus = open_corpus(write_folder(tmp_path, pt_train="um\n", en_train="one\n"))
    with pytest.raises(
        UsageError, match=r"no split 'test', only train\. The files pt\.test, en\.test would provide it"
    ):
        corpus.read("test")
    with pytest.raises(UsageError, match=r"no split 'dev', only train\.$"):
        corpus.read("dev")


def test_one_file_of_a_split_without_the_other_is_refused(tmp_path):
    folder = write_folder(tmp_path, pt_train="um\n", en_train="one\n", en_dev="two\n")
    with pytest.raises(UsageError, match=r"pt\.dev is missing: a split needs both pt\.dev, en\.dev"):
        open_corpus(folder)


def test_a_folder_without_any_corpus_file_is_refused_with_what_is_expected(tmp_path):
    with pytest.raises(UsageError, match=r"holds none of the files pt\.train, en\.train, pt\.dev, en\.dev, pt\.test"):
        open_corpus(str(tmp_path))


def test_a_corpus_without_a_pair_is_refused(tmp_path):
    folder = write_folder(tmp_path, pt_train="um\n\n", en_train="\ntwo\n", pt_dev="", en_dev="")
    with pytest.raises(UsageError, match=r"pt\.train and .*en\.train: no pair with text on both sides, of 2 read"):
        open_corpus(folder).read("train")
    with pytest.raises(UsageError, match=r"of 0 read"):
        open_corpus(folder).read("validation")


def test_a_table_has_all_splits_and_counts_its_skipped_pairs_once(tmp_path):
    lines = [f"frase {i}\tsentence {i}" for i in range(50)] + ["", "nada\t"]
    (tmp_path / "a.tsv").write_text("\n".join(lines), encoding="utf-8")
    corpus = open_corpus(str(tmp_path / "a.tsv"))
    splits = {name: corpus.read(name) for name in ("train", "validation", "test")}
    assert sum(len(split.source) for split in splits.values()) == 50
    assert [split.skipped for split in splits.values()] == [2, 0, 0]
    for split in splits.values():
        assert split.target == [source.replace("frase", "sentence") for source in split.source]


def test_a_file_that_is_no_table_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("um\tone\n")
    with pytest.raises(UsageError, match=r"a\.txt is neither a folder nor a \.tsv file\. Expected phrasebook, ted, a"):
        open_corpus(str(tmp_path / "a.txt"))


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"no corpus, folder or file 'phrasebok'\. Did you mean phrasebook\?"):
        open_corpus("phrasebok")


def test_a_path_that_does_not_exist_is_answered_with_what_is_expected(tmp_path):
    with pytest.raises(UsageError, match=r"gone'\. Expected .* de\.train, en\.train, de\.dev, en\.dev \(and perhaps"):
        open_corpus(str(tmp_path / "gone"), source_language="de")


def test_the_phrasebook_is_read_in_both_directions(phrasebook):
    assert open_corpus("phrasebook").read("test") == Split(["test um", "test dois"], ["test one", "test two"], 0)
    backwards = open_corpus("phrasebook", source_language="en", target_language="pt")
    assert backwards.read("train") == Split(["train one", "train two"], ["train um", "train dois"], 0)


def test_ted_is_read_in_both_directions_with_its_folder_and_archive(monkeypatch, tmp_path):
    calls = []

    def ted_pairs(split, *, data_dir, archive):
        calls.append((split, data_dir, archive))
        return [("um", "one")]

    monkeypatch.setattr(ted, "ted_pairs", ted_pairs)
    assert open_corpus("ted", data_dir=tmp_path, archive=tmp_path / "a").read("train") == Split(["um"], ["one"], 0)
    assert open_corpus("ted", source_language="en", target_language="pt").read("test") == Split(["one"], ["um"], 0)
    assert calls == [("train", tmp_path, tmp_path / "a"), ("test", None, None)]


@pytest.mark.parametrize("name", ["phrasebook", "ted"])
def test_a_built_in_corpus_knows_portuguese_and_english_only(name):
    with pytest.raises(UsageError, match=rf"{name} translates pt to en or en to pt, got de to en"):
        open_corpus(name, source_language="de")


def test_one_language_twice_is_refused():
    with pytest.raises(UsageError, match=r"source and target language must differ, got 'en' twice"):
        open_corpus("phrasebook", source_language="en")


def test_an_archive_goes_with_ted_only(tmp_path):
    with pytest.raises(UsageError, match=r"an archive belongs to the corpus ted, got archive a\.gz with corpus phrase"):
        open_corpus("phrasebook", archive=pathlib.Path("a.gz"))


@pytest.mark.skipif(not TED.is_dir(), reason="the TED files are not here")
def test_the_published_files_have_the_published_numbers_of_pairs():
    corpus = open_corpus(str(TED))
    for split, count in (("train", 51_785), ("validation", 1_193)):
        sources, targets, skipped = corpus.read(split)
        assert (len(sources), len(targets), skipped) == (count, count, 0)
