"""How good the translations are: BLEU and chrF of whole splits, always with their sacreBLEU signature.

(a) bleu_tok: the hypothesis as the tokenizer re-joins it against the corpus's line as it stands, split at blanks. The
    one to set beside published numbers for tokenised corpora such as TED HRLR.
(b) bleu_detok: both sides detokenised by the same function, sacreBLEU's own 13a tokens, lower case. The one to set
    beside modern work.
(c) chrf: characters instead of words, on the text of (b) with its case.

Source: Papineni et al. 2002; Post 2018; Popović 2015.
"""

import functools
from collections.abc import Sequence
from typing import Any

import sacrebleu
import sacremoses


def score(hypotheses: Sequence[str], references: Sequence[str], language: str = "en") -> dict[str, Any]:
    """The three scores, in per cent, and their signatures.

    Args:
        hypotheses: translations, one a sentence.
        references: the corpus's sentences, as many.
        language: of both, for detokenising.

    Raises:
        ValueError: the numbers of sentences differ, or there are none.
    """
    if len(hypotheses) != len(references) or not references:
        raise ValueError(
            f"As many hypotheses as references are needed, at least one, got {len(hypotheses)} and {len(references)}."
        )
    plain_hypotheses = [detokenize(line, language) for line in hypotheses]
    plain_references = [detokenize(line, language) for line in references]
    bleu_tok = sacrebleu.BLEU(tokenize="none", force=True)
    bleu_detok = sacrebleu.BLEU(tokenize="13a", lowercase=True)
    chrf = sacrebleu.CHRF()
    return {
        "bleu_tok": bleu_tok.corpus_score(hypotheses, [references]).score,
        "bleu_detok": bleu_detok.corpus_score(plain_hypotheses, [plain_references]).score,
        "chrf": chrf.corpus_score(plain_hypotheses, [plain_references]).score,
        "bleu_tok_signature": str(bleu_tok.get_signature()),
        "bleu_detok_signature": str(bleu_detok.get_signature()),
        "chrf_signature": str(chrf.get_signature()),
    }


def detokenize(line: str, language: str = "en") -> str:
    """Text with blanks between its tokens, in the manner of the Penn Treebank -> text as people write it."""
    line = line.replace("``", '"').replace("''", '"').replace(" n't", "n't")
    return _moses(language).detokenize(line.split())


@functools.cache
def _moses(language: str) -> sacremoses.MosesDetokenizer:
    return sacremoses.MosesDetokenizer(lang=language)
