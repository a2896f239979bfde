"""How the model translates while it learns: a few sentences to read, and BLEU of a fixed sample.

Next: report.py
"""

import numpy as np
import sacrebleu
import tensorflow as tf

from transformer_tutorial.data.prepared import PreparedCorpus
from transformer_tutorial.decoding.search import BatchSearch, in_order, search_all

EXAMPLES = 3


class Samples:
    """Greedy translations of validation sentences, made by the weights of the moment.

    Args:
        search: of the model that learns.
        prepared: its corpus.
        bleu_sentences: size of the sample for BLEU; more than there are takes all.
    """

    def __init__(self, search: BatchSearch, prepared: PreparedCorpus, bleu_sentences: int):
        self.search, self.prepared = search, prepared
        count = len(prepared.validation.source)
        self.sample = np.sort(np.random.default_rng(0).permutation(count)[:bleu_sentences])

    def examples(self) -> list[str]:
        """Source, reference and translation of the first few sentences, one line each."""
        tokenizers, first = self.prepared.tokenizers, range(min(EXAMPLES, len(self.prepared.validation.source)))
        lines: list[str] = []
        sides = (_texts(tokenizers.source, [self.prepared.validation.source[i] for i in first]),)
        sides += (_texts(tokenizers.target, [self.prepared.validation.target[i] for i in first]),)
        for source, reference, hypothesis in zip(*sides, self._translate(first), strict=True):
            lines += [f"source      {source}", f"reference   {reference}", f"hypothesis  {hypothesis}"]
        return lines

    def bleu(self) -> float | None:
        """BLEU of the sample, in per cent, on the corpus's own tokens (`bleu_tok`); None without a sample."""
        if not len(self.sample):
            return None
        references = [self.prepared.text["validation"].target[i] for i in self.sample]
        metric = sacrebleu.BLEU(tokenize="none", force=True)
        return metric.corpus_score(self._translate(self.sample), [references]).score

    def _translate(self, numbers) -> list[str]:
        source = [self.prepared.validation.source[i] for i in numbers]
        return _texts(self.prepared.tokenizers.target, in_order(search_all(self.search, source), len(source)))


def _texts(tokenizer, ids: list[np.ndarray]) -> list[str]:
    lines = tokenizer.detokenize(tf.ragged.constant([list(row) for row in ids], tf.int64)).numpy()
    return [line.decode("utf-8", "replace") for line in lines]
