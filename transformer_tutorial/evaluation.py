"""How good the translations are: BLEU and chrF of whole splits, always with their sacreBLEU signature.

(a) bleu_tok: the hypothesis as the tokenizer re-joins it against the corpus's line as it stands, split at blanks. The
    one to set beside published numbers for tokenised corpora such as TED HRLR.
(b) bleu_detok: both sides detokenised by the same function, sacreBLEU's own 13a tokens, lower case. The one to set
    beside modern work.
(c) chrf: characters instead of words, on the text of (b) with its case.

`score` measures one system, `compare` two on the same text; `by_source_words` and `faults` say where it goes wrong.

Source: Papineni et al. 2002; Post 2018; Popović 2015; for `compare` Koehn 2004.
"""

import functools
from collections.abc import Sequence
from typing import Any

import sacrebleu
import sacremoses
from sacrebleu.metrics.base import Metric
from sacrebleu.significance import PairedTest

LENGTHS = ("1-9", "10-19", "20-29", "30-39", "40+")  # in words; a step of ten each
RESAMPLES = 1000


def score(hypotheses: Sequence[str], references: Sequence[str], language: str = "en") -> dict[str, Any]:
    """The three scores, in per cent, and their signatures.

    Args:
        hypotheses: translations, one a sentence.
        references: the corpus's sentences, as many.
        language: of both, for detokenising.

    Raises:
        ValueError: the numbers of sentences differ, or there are none.
    """
    scores, signatures = {}, {}
    for name, metric, (found, expected) in _measures(language, hypotheses, references):
        scores[name] = metric.corpus_score(found, [expected]).score
        signatures[f"{name}_signature"] = str(metric.get_signature())
    return scores | signatures


def compare(
    hypotheses: Sequence[str], others: Sequence[str], references: Sequence[str], language: str = "en"
) -> dict[str, dict[str, Any]]:
    """sacreBLEU's paired bootstrap test, 1,000 resamples, of two systems on the same sentences.

    Args:
        hypotheses: translations of one system.
        others: those of the other, as many.
        references: the corpus's sentences, as many.
        language: of all three, for detokenising.

    Returns:
        For each of the three scores a dict: `score` and `other_score`, in per cent; `interval` and `other_interval`,
        half the width of what 95 % of the resamples give; `difference`, positive where `hypotheses` are better;
        `p_value`, how probable so large a difference is between equally good systems; `signature`. The seed is part
        of the signature: 12345, or the environment variable SACREBLEU_SEED.

    Raises:
        ValueError: the numbers of sentences differ, or there are none.
    """
    return {
        name: _paired_test(metric, *texts)
        for name, metric, texts in _measures(language, hypotheses, others, references)
    }


def _paired_test(metric: Metric, hypotheses: list[str], others: list[str], references: list[str]) -> dict[str, Any]:
    systems = [("other", others), ("this", hypotheses)]  # the first is the baseline
    signatures, results = PairedTest(systems, {"metric": metric}, [references], "bs", RESAMPLES)()
    ((name, signature),) = signatures.items()
    other, this = results[name]
    difference = this.score - other.score
    return {
        "score": this.score,
        "interval": float(this.ci),
        "other_score": other.score,
        "other_interval": float(other.ci),
        "difference": difference,
        # sacreBLEU counts differences strictly above the one found: of two equal systems none, and p would be 0.001.
        "p_value": this.p_value if difference else 1.0,
        "signature": str(signature),
    }


def by_source_words(
    sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """bleu_tok and the number of sentences for each length of the source, in words of the corpus's line.

    Buckets without a sentence are left out.
    """
    buckets: dict[str, list[int]] = {name: [] for name in LENGTHS}
    for number, source in enumerate(sources):
        buckets[LENGTHS[min(len(source.split()) // 10, len(LENGTHS) - 1)]].append(number)
    bleu = _bleu_tok()
    return {
        name: {
            "sentences": len(chosen),
            "bleu_tok": bleu.corpus_score([hypotheses[i] for i in chosen], [[references[i] for i in chosen]]).score,
        }
        for name, chosen in buckets.items()
        if chosen
    }


def faults(sources: Sequence[str], hypotheses: Sequence[str], cut: Sequence[bool]) -> dict[str, float]:
    """Shares, in [0, 1], of translations that are suspicious whatever the reference says.

    Args:
        sources: sentences.
        hypotheses: their translations; `copied` where equal to the source, `empty` where there is no text.
        cut: True for each that reached the length limit before its end.
    """
    shares = {
        "copied": [source == hypothesis for source, hypothesis in zip(sources, hypotheses, strict=True)],
        "empty": [not hypothesis.strip() for hypothesis in hypotheses],
        "cut": cut,
    }
    return {name: sum(flags) / len(sources) for name, flags in shares.items()}


def detokenize(line: str, language: str = "en") -> str:
    """Text with blanks between its tokens, in the manner of the Penn Treebank -> text as people write it."""
    line = line.replace("``", '"').replace("''", '"').replace(" n't", "n't")
    return _moses(language).detokenize(line.split())


def _measures(language: str, *texts: Sequence[str]) -> list[tuple[str, Metric, list[Sequence[str]]]]:
    """Each score's name, its metric, and the texts as it wants them; the last text is the references."""
    *systems, references = texts
    if any(len(system) != len(references) for system in systems) or not references:
        counts = " and ".join(str(len(text)) for text in texts)
        raise ValueError(f"As many hypotheses as references are needed, at least one, got {counts}.")
    plain = [[detokenize(line, language) for line in text] for text in texts]
    return [
        ("bleu_tok", _bleu_tok(), list(texts)),
        ("bleu_detok", sacrebleu.BLEU(tokenize="13a", lowercase=True), plain),
        ("chrf", sacrebleu.CHRF(), plain),
    ]


def _bleu_tok() -> sacrebleu.BLEU:
    return sacrebleu.BLEU(tokenize="none", force=True)


@functools.cache
def _moses(language: str) -> sacremoses.MosesDetokenizer:
    return sacremoses.MosesDetokenizer(lang=language)
