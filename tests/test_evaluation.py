import json
import math

import numpy as np
import pytest
import sacrebleu

from transformer_tutorial.evaluation import by_source_words, compare, detokenize, faults, score

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


def words(count: int) -> str:
    return " ".join(["palavra"] * count)


def test_sentences_are_sorted_by_the_words_of_the_source():
    lengths = [1, 9, 10, 19, 20, 29, 30, 39, 40, 400]
    found = by_source_words([words(length) for length in lengths], ["a b c d"] * 10, ["a b c d"] * 10)
    assert list(found) == ["1-9", "10-19", "20-29", "30-39", "40+"]
    assert [bucket["sentences"] for bucket in found.values()] == [2] * 5


def test_a_bucket_without_a_sentence_is_left_out():
    assert list(by_source_words([words(12), words(50)], ["a", "b"], ["a", "b"])) == ["10-19", "40+"]


def test_the_bleu_of_a_bucket_is_that_of_its_sentences_alone():
    hypotheses = ["the cat sat on a mat", "yes it is here", "no it is not"]
    references = ["the cat sat on the red mat", "yes it is here", "the cat sat on"]
    found = by_source_words([words(3), words(25), words(45)], hypotheses, references)
    expected = [score([hypotheses[i]], [references[i]])["bleu_tok"] for i in range(3)]
    assert [bucket["bleu_tok"] for bucket in found.values()] == pytest.approx(expected)
    assert found["20-29"]["bleu_tok"] == pytest.approx(100) and found["1-9"]["bleu_tok"] < 100


def test_copied_empty_and_cut_translations_are_counted_as_shares():
    sources = ["um dois", "um dois", "olá", "sim ."]
    hypotheses = ["um dois", "one two", " ", "yes ."]
    assert faults(sources, hypotheses, [True, True, False, True]) == {"copied": 0.25, "empty": 0.25, "cut": 0.75}


GOOD = ["the cat is on the big mat .", "it is fine , he said .", "we do not know that yet ."] * 10
BETTER, WORSE = GOOD[:27] + ["no"] * 3, GOOD[:18] + ["it is not here ."] * 12


def test_a_system_is_compared_with_another_sentence_by_sentence():
    found = compare(BETTER, WORSE, GOOD)
    for name in ("bleu_tok", "bleu_detok", "chrf"):
        assert found[name]["score"] == pytest.approx(score(BETTER, GOOD)[name])
        assert found[name]["other_score"] == pytest.approx(score(WORSE, GOOD)[name])
        assert found[name]["difference"] == pytest.approx(found[name]["score"] - found[name]["other_score"])
        assert found[name]["difference"] > 0 and found[name]["p_value"] < 0.05
        assert 0 < found[name]["interval"] < found[name]["other_interval"]


def test_the_other_way_round_the_difference_has_the_other_sign_and_the_same_probability():
    there, back = compare(BETTER, WORSE, GOOD), compare(WORSE, BETTER, GOOD)
    for name in there:
        assert there[name]["difference"] == pytest.approx(-back[name]["difference"])
        assert there[name]["p_value"] == back[name]["p_value"]


def test_a_difference_in_one_sentence_of_many_may_be_chance():
    found = compare([*GOOD[:29], "we do n't know that yet ."], GOOD[:28] + ["it is fine he said .", GOOD[29]], GOOD)
    assert found["bleu_tok"]["p_value"] > 0.05


def test_equal_translations_do_not_differ():
    found = compare(WORSE, WORSE, GOOD).values()
    assert [(one["difference"], one["p_value"]) for one in found] == [(0, 1)] * 3


def test_the_probability_agrees_with_resampling_by_hand():
    # Clearly neither 0 nor 1, where any calculation would agree.
    hypotheses, others = BETTER, GOOD[:25] + ["it is fine"] * 5
    draws = np.random.default_rng(12345).choice(30, size=(1000, 30), replace=True)

    def bleu(texts, chosen):
        return score_tok([texts[i] for i in chosen], [GOOD[i] for i in chosen])

    differences = np.array([abs(bleu(hypotheses, chosen) - bleu(others, chosen)) for chosen in draws])
    found = compare(hypotheses, others, GOOD)["bleu_tok"]
    expected = (np.sum(differences - differences.mean() > abs(found["difference"])) + 1) / 1001
    assert found["p_value"] == pytest.approx(expected, abs=0.005)
    assert 0.01 < expected < 0.9


def score_tok(hypotheses, references) -> float:
    return sacrebleu.BLEU(tokenize="none", force=True).corpus_score(hypotheses, [references]).score


def test_a_comparison_is_the_same_each_time_and_its_signature_says_how_it_was_made():
    found, version = compare(BETTER, WORSE, GOOD), sacrebleu.__version__
    assert found == compare(BETTER, WORSE, GOOD)
    assert [found[name]["signature"] for name in ("bleu_tok", "chrf")] == [
        f"nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:none|smooth:exp|version:{version}",
        f"nrefs:1|bs:1000|seed:12345|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{version}",
    ]
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(("hypotheses", "others"), [(["a"], ["a", "b"]), (["a", "b"], ["a"])])
def test_systems_with_unequal_numbers_of_sentences_are_not_compared(hypotheses, others):
    with pytest.raises(ValueError, match=f"at least one, got {len(hypotheses)} and {len(others)} and 2"):
        compare(hypotheses, others, ["a", "b"])


def test_tokenised_text_is_scored_without_a_warning_about_it(caplog):
    score(["it is late ."] * 100, ["it is late ."] * 100)
    assert caplog.text == ""
