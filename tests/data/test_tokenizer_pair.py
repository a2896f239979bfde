import json

import numpy as np
import pytest

from transformer_tutorial.data.tokenizer_pair import TokenizerPair, encode
from transformer_tutorial.data.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.token_ids import END_ID, RESERVED_TOKENS, START_ID

PORTUGUESE = ["O gato dorme na cadeira .", "A avó não bebe café .", "Onde fica a estação ?"] * 4
ENGLISH = ["The cat sleeps on the chair .", "Grandmother drinks no coffee .", "Where is the station ?"] * 4


def train(kind, **languages) -> TokenizerPair:
    return TokenizerPair.train(
        PORTUGUESE, ENGLISH, kind=kind, vocab_size=300, lower_case=kind == "wordpiece", **languages
    )


@pytest.fixture(scope="module")
def pair():
    return train("sentencepiece")


def letters(*pieces, lower_case=False) -> WordPieceTokenizer:
    return WordPieceTokenizer([*RESERVED_TOKENS, *pieces], lower_case)


def test_each_side_learns_from_its_own_text(pair):
    assert isinstance(pair.source, SentencePieceTokenizer)
    assert pair.source.to_bytes() != pair.target.to_bytes()
    pieces = {side: len(getattr(pair, side).tokenize(["The cat sleeps"]).flat_values) for side in ("source", "target")}
    assert pieces["target"] < pieces["source"]


def test_the_tokenizers_carry_the_languages_names(pair):
    assert pair.pt is pair.source and pair.en is pair.target
    other = TokenizerPair(pair.source, pair.target, "de", "fr")
    assert other.de is pair.source and other.fr is pair.target
    for name in ("pt", "source_tokenizer"):
        with pytest.raises(AttributeError, match=f"'TokenizerPair' object has no attribute '{name}'"):
            getattr(other, name)


@pytest.mark.parametrize("kind", ["wordpiece", "sentencepiece"])
def test_a_stored_pair_is_the_same(kind, tmp_path):
    pair = train(kind, source_language="de", target_language="fr")
    pair.save(tmp_path / "a" / "b")
    again = TokenizerPair.load(tmp_path / "a" / "b")
    assert (again.source_language, again.target_language) == ("de", "fr")
    for side in ("source", "target"):
        assert type(getattr(again, side)) is type(getattr(pair, side))
        assert getattr(again, side).to_bytes() == getattr(pair, side).to_bytes()
    assert again.de.tokenize(PORTUGUESE).to_list() == pair.de.tokenize(PORTUGUESE).to_list()


def test_a_joint_vocabulary_is_learnt_from_both_sides_and_serves_both(tmp_path):
    pair = train("sentencepiece", joint=True)
    assert pair.source is pair.target
    pieces = {piece.decode() for piece in pair.pt.lookup(np.arange(pair.pt.get_vocab_size())).numpy()}
    assert {"ç", "k"} <= pieces, "a letter of Portuguese alone, and one of English alone"
    for text in (*PORTUGUESE, *ENGLISH):
        assert pair.source.detokenize(pair.source.tokenize([text])).numpy()[0].decode() == text
    pair.save(tmp_path)
    again = TokenizerPair.load(tmp_path)
    assert again.source.to_bytes() == again.target.to_bytes() == pair.source.to_bytes()


def test_a_bpe_model_is_learnt_when_asked_for(pair):
    import sentencepiece

    bpe = train("sentencepiece", model_type="bpe")
    scores = {}
    for name, tokenizer in {"unigram": pair.source, "bpe": bpe.source}.items():
        processor = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.to_bytes())
        scores[name] = [processor.get_score(i) for i in range(260, processor.get_piece_size())]
    # A merge is scored by its rank, a unigram by its log probability.
    assert all(score == round(score) for score in scores["bpe"])
    assert not all(score == round(score) for score in scores["unigram"])
    assert bpe.source.detokenize(bpe.source.tokenize(PORTUGUESE)).numpy()[1].decode() == PORTUGUESE[1]


@pytest.mark.parametrize("lower_case", [True, False])
def test_the_folding_of_case_is_stored(lower_case, tmp_path):
    TokenizerPair(letters("a", lower_case=lower_case), letters("b", lower_case=lower_case)).save(tmp_path)
    assert TokenizerPair.load(tmp_path).pt.tokenize(["A"]).to_list() == [[2, 4 if lower_case else 1, 3]]


def test_a_folder_without_tokenizers_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"holds no tokenizers \(tokenizers\.json is missing\)\. Was the run trained"):
        TokenizerPair.load(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "tokenizers.json").write_text("{"),
        lambda folder: (folder / "tokenizers.json").write_text("[]"),
        lambda folder: (folder / "tokenizers.json").write_text(json.dumps({"kind": "bpe"})),
        lambda folder: (folder / "pt.vocab.txt").unlink(),
        lambda folder: (folder / "en.vocab.txt").write_bytes(b"\xff\n"),
    ],
)
def test_damaged_tokenizers_are_refused(damage, tmp_path):
    TokenizerPair(letters("a"), letters("b")).save(tmp_path)
    TokenizerPair.load(tmp_path)
    damage(tmp_path)
    with pytest.raises(UsageError, match=r"The tokenizers in .* are damaged \(\w+: .*Restore the folder from a copy"):
        TokenizerPair.load(tmp_path)


def test_encoding_gives_int32_arrays_from_start_to_end(pair):
    ids, truncated = encode(pair.source, PORTUGUESE, max_tokens=100)
    assert truncated == 0
    assert [row.tolist() for row in ids] == pair.source.tokenize(PORTUGUESE).to_list()
    assert {row.dtype for row in ids} == {np.dtype("int32")}


def test_encoding_does_not_depend_on_the_size_of_its_batches(pair):
    whole = encode(pair.source, PORTUGUESE, 100)
    for batch_size in (1, 5, 12):
        parts = encode(pair.source, PORTUGUESE, 100, batch_size)
        assert [row.tolist() for row in parts.ids] == [row.tolist() for row in whole.ids]
    assert encode(pair.source, [], 100) == ([], 0)


def test_a_sentence_that_is_too_long_is_cut_keeps_its_end_and_is_counted():
    tokenizer = letters("a", "b", "c")
    ids, truncated = encode(tokenizer, ["a b c", "a b c a b c", "", "c c c c"], max_tokens=5)
    assert [row.tolist() for row in ids] == [[2, 4, 5, 6, 3], [2, 4, 5, 6, 3], [2, 3], [2, 6, 6, 6, 3]]
    assert truncated == 2
    assert {(row[0], row[-1]) for row in ids} == {(START_ID, END_ID)}
    assert {row.dtype for row in ids} == {np.dtype("int32")}


def test_half_a_surrogate_pair_is_read_as_a_question_mark(pair):
    broken, plain = (encode(pair.source, [text], 99).ids[0] for text in ("O \ud83d gato", "O ? gato"))
    np.testing.assert_array_equal(broken, plain)
