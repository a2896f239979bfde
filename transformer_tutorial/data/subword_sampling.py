"""New segmentations of the training text in each epoch, so that the model sees a word in many forms.

    (1)  P(segmentation | text) ∝ P(segmentation)^alpha          under the unigram model

A small alpha makes all segmentations alike and sentences long; a large one keeps to the best. At 0.3 a sentence grows
by a fifth, at 0.5 by a twentieth.

The segmentations are a pure function of (seed, epoch), so that a resumed run may see what it would have seen. That is
why the sentencepiece library draws them, on the host: the generator of tensorflow-text's kernel cannot be seeded. Up to
its version 0.2.1 the function is the same in every process; later ones mix a number of the process into the seed. The
next epoch's are drawn while this one's are in use.

Source: Kudo 2018, section 3.
Next: batches.py
"""

import importlib.metadata
import re
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from transformer_tutorial.data.corpus import Split
from transformer_tutorial.data.prepared import EncodedSplit
from transformer_tutorial.data.tokenizer_pair import TokenizerPair, cut
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.token_ids import END_ID, START_ID

DRAWING = threading.Lock()  # the library has one seed for the whole process


def same_in_every_process() -> bool:
    """Whether the installed sentencepiece draws by its seed alone."""
    version = importlib.metadata.version("sentencepiece")
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3]) < (0, 2, 2)


def check_same_in_every_process(needed_by: str | None) -> None:
    """Warns, or refuses, if each process draws segmentations of its own.

    Args:
        needed_by: what cannot be had then, in words; None warns.

    Raises:
        UsageError: something needs it.
    """
    if same_in_every_process():
        return
    what = f"sentencepiece {importlib.metadata.version('sentencepiece')} draws other segmentations in each process"
    if needed_by:
        raise UsageError(
            f"{needed_by} and --subword-sampling do not go together: {what}. Install sentencepiece==0.2.1, or leave "
            "one of them out."
        )
    print(
        f"Warning: {what}, so a resumed run does not see those that it would have seen. sentencepiece==0.2.1 does not.",
        file=sys.stderr,
    )


class SubwordSampler:
    """Draws the segmentations of one split, epoch by epoch.

    Args:
        text: the sentences.
        tokenizers: a pair of `SentencePieceTokenizer`s, of unigram models.
        alpha: of equation (1), above 0.
        max_tokens: most tokens of a source; a target may have one more.
        seed: with the epoch's number it decides the segmentations.
    """

    def __init__(self, text: Split, tokenizers: TokenizerPair, alpha: float, max_tokens: int, seed: int):
        self.text, self.tokenizers, self.alpha = text, tokenizers, alpha
        self.max_tokens, self.seed = max_tokens, seed
        self._worker = ThreadPoolExecutor(1)
        self._drawn: dict[int, Future] = {}

    def epoch(self, number: int) -> EncodedSplit:
        """The split as one epoch sees it."""
        for wanted in (number, number + 1):
            if wanted not in self._drawn:
                self._drawn[wanted] = self._worker.submit(self._draw, wanted)
        self._drawn = {wanted: future for wanted, future in self._drawn.items() if wanted >= number}
        return self._drawn[number].result()

    def _draw(self, epoch: int) -> EncodedSplit:
        import sentencepiece

        seed = int(np.random.default_rng((self.seed, epoch, 2)).integers(2**31))
        with DRAWING:
            sentencepiece.set_random_generator_seed(seed)
            source, source_cut = self._encode(self.tokenizers.source, self.text.source, self.max_tokens)
            target, target_cut = self._encode(self.tokenizers.target, self.text.target, self.max_tokens + 1)
        return EncodedSplit(source, target, self.text.skipped, source_cut + target_cut)

    def _encode(self, tokenizer, texts: Sequence[str], max_tokens: int) -> tuple[list[np.ndarray], int]:
        import sentencepiece

        processor = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.to_bytes())
        lines = [f" {text}" for text in texts]
        # One thread: several would share the random numbers out in an order of their own.
        pieces = processor.encode(lines, enable_sampling=True, alpha=self.alpha, nbest_size=-1, num_threads=1)  # (1)
        return cut([np.array([START_ID, *row, END_ID], np.int32) for row in pieces], max_tokens)
