import math

import pytest
import sacrebleu

from transformer_tutorial.evaluation import detokenize, score

SENTENCES = ["the cat is n't on the big mat .", "it 's `` fine '' , he said ."]


def test_identical_text_scores_100():
    scores = score(SENTENCES, SENTENCES)
    assert [scores[name] for name in ("bleu_tok", "bleu_detok", "chrf")] == pytest.approx([100.0] * 3)


def test_text_with_nothing_in_common_scores_0():
    scores = score(["zzzz"] * 2, SENTENCES)
    assert scores["bleu_tok"] == scores["bleu_detok"] == 0.0
    assert scores["chrf"] == 0.0


def test_the_signatures_say_how_it_was_measured():
    scores, version = score(SENTENCES, SENTENCES), sacrebleu.__version__
    assert scores["bleu_tok_signature"] == f"nrefs:1|case:mixed|eff:no|tok:none|smooth:exp|version:{version}"
    assert scores["bleu_detok_signature"] == f"nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:{version}"
    assert scores["chrf_signature"] == f"nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{version}"


def test_bleu_agrees_with_a_count_by_hand():
    # Five of 6 words agree, 3 of 5 pairs, 2 of 4 triples, 1 of 3 quadruples; 6 words instead of 7.
    hypothesis, reference = "the cat sat on a mat", "the cat sat on the red mat"
    precisions = 5 / 6, 3 / 5, 2 / 4, 1 / 3
    expected = 100 * math.exp(1 - 7 / 6) * math.prod(precisions) ** 0.25
    assert score([hypothesis], [reference])["bleu_tok"] == pytest.approx(expected)


def test_a_corpus_is_scored_as_a_whole_not_as_a_mean_of_sentences():
    hypotheses, references = ["the cat sat on a mat", "yes"], ["the cat sat on the red mat", "no"]
    precisions = 5 / 7, 3 / 5, 2 / 4, 1 / 3
    expected = 100 * math.exp(1 - 8 / 7) * math.prod(precisions) ** 0.25
    assert score(hypotheses, references)["bleu_tok"] == pytest.approx(expected)


def test_tokens_are_split_at_blanks_only_and_compared_with_their_case():
    scores = score(["the cat is here today ."], ["The cat is here today ."])
    assert scores["bleu_tok"] < 100 and scores["chrf"] < 100
    assert scores["bleu_detok"] == pytest.approx(100)


def test_the_two_ways_of_writing_a_clitic_are_one_in_detokenised_text():
    scores = score(["it isn't here , he said today"], ["it is n't here, he said today"])
    assert scores["bleu_detok"] == pytest.approx(100)
    assert scores["bleu_tok"] < 100


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("it 's late .", "it's late."),
        ("he did n't know , they 're small", "he didn't know, they're small"),
        ("`` fine '' , he said .", '"fine", he said.'),
        ("a well-known ( old ) house !", "a well-known (old) house!"),
        ("", ""),
    ],
)
def test_detokenising_writes_as_people_do(line, text):
    assert detokenize(line) == text


@pytest.mark.parametrize(("hypotheses", "references"), [(["a"], ["a", "b"]), ([], []), (["a"], [])])
def test_unequal_numbers_of_sentences_are_refused(hypotheses, references):
    message = rf"at least one, got {len(hypotheses)} and {len(references)}"
    with pytest.raises(ValueError, match=message):
        score(hypotheses, references)
