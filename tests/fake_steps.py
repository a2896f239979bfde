"""Steps for searches without a model: one that spells words, one that reads a table of logits."""

import numpy as np
from keras import ops

LETTERS = ".?_|abcdefghijklmnopqrstuvwxyz"  # by id: padding, unknown, [START], [END], then letters


def spell(ids) -> list[str]:
    """Rows of ids as text: "_oi|.." is [START] o i [END] and two of padding."""
    return ["".join(LETTERS[i] for i in row) for row in np.asarray(ids)]


def word(text: str) -> dict:
    """The story in which `text` is certain."""
    return {"_" + text[:n]: {text[n]: 1.0} for n in range(len(text))}


class SpellingStep:
    """Predicts the next letter from what is written so far. Eager only.

    Args:
        stories: for each sentence, from the text so far to the probabilities of the next letters; where a story is
            silent, the sentence ends.
    """

    def __init__(self, *stories: dict):
        self.stories, self.calls = stories, 0

    def start(self):
        """The numbers of the sentences: a search must keep them beside the texts they belong to."""
        return ops.arange(len(self.stories))

    def __call__(self, token_ids, state, position):
        self.calls += 1
        known = spell(token_ids[:, : int(position) + 1])
        logits = np.full((len(known), len(LETTERS)), -20.0, "float32")
        for row, number, text in zip(logits, np.asarray(state), known, strict=True):
            for letter, probability in self.stories[number].get(text, {"|": 1.0}).items():
                row[LETTERS.index(letter)] = np.log(probability)
        return ops.convert_to_tensor(logits), state


class TableStep:
    """Logits by sentence, position and last token.

    Args:
        logits: float, (B, T, V, V).
    """

    def __init__(self, logits):
        self.logits = np.asarray(logits, "float32")

    def start(self):
        """The numbers of the sentences."""
        return ops.arange(len(self.logits), dtype="int32")

    def __call__(self, token_ids, state, position):
        _, length, vocab_size, _ = self.logits.shape
        row = (state * length + position) * vocab_size + ops.take(token_ids, position, axis=1)
        return ops.take(self.logits.reshape(-1, vocab_size), row, axis=0), state

    def log_probability(self, sentence: int, ids) -> float:
        """Of the tokens after the first, up to the end of `ids`."""
        total = 0.0
        for position, (last, following) in enumerate(zip(ids[:-1], ids[1:], strict=True)):
            logits = self.logits[sentence, position, last].astype("float64")
            total += logits[following] - np.log(np.sum(np.exp(logits)))
        return total
