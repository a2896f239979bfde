"""From sentence patterns to a corpus: draw, drop duplicates, split by combination of words.

The split rule. Every sentence carries the dictionary words that fill its frame: nouns, adjectives, verbs. Any two of
them are a combination. A hash of the two words says to which split the combination belongs, once and for all, whatever
the seed:

    train        none of the sentence's combinations is held out
    validation   at least one is held out for validation, none for test
    test         at least one is held out for test, none for validation

Sentences with both are dropped. So a held-out sentence always contains two words that never meet in a training
sentence, in any frame, number or tense, and training with one seed never sees the test sentences of another.
A held-out sentence is kept only if training has every one of its word forms, in both languages.
"""

import functools
import hashlib
import itertools
import re
from collections.abc import Iterator

from transformer_tutorial.data.phrasebook.clause import Unclear
from transformer_tutorial.data.phrasebook.draw import Draw
from transformer_tutorial.data.phrasebook.frames import FRAMES
from transformer_tutorial.data.phrasebook.phrase import Phrase

Pair = tuple[str, str]
HELD_OUT_SIZE = 1000
LONGEST = 14
# One combination in so many is held out for validation, and as many for test.
ONE_IN = 50
WORD = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")


@functools.cache
def split_of_combination(first: str, second: str) -> str:
    """Says where two words may meet: "train", "validation" or "test"; the order of the two does not matter."""
    text = "\t".join(sorted((first, second)))
    place = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % ONE_IN
    return {0: "validation", 1: "test"}.get(place, "train")


@functools.cache
def split_of_words(words: tuple[str, ...]) -> str | None:
    """Says to which split a sentence with these words belongs; None if it mixes both held-out splits."""
    splits = {split_of_combination(*pair) for pair in itertools.combinations(sorted(set(words)), 2)} - {"train"}
    if len(splits) == 2:
        return None
    return splits.pop() if splits else "train"


def draw_sentences(seed: int) -> Iterator[Phrase]:
    """Draws each frame's quota of sentences of up to LONGEST words, each once; a small frame yields what it holds."""
    seen = set()
    for frame in FRAMES:
        draw = Draw(f"{frame.name} {seed}")
        wanted = frame.quota
        for _ in range(2 * frame.quota):
            try:
                written = frame.write(draw)
            except Unclear:
                continue
            if written.pt not in seen and written.pt.count(" ") < LONGEST:
                seen.add(written.pt)
                yield written
                wanted -= 1
            if not wanted:
                break


@functools.lru_cache(maxsize=2)
def build(seed: int) -> dict[str, tuple[Pair, ...]]:
    """Draws and splits the whole corpus; the sentences of a split come in an order drawn from the seed."""
    found = {"train": [], "validation": [], "test": []}
    for written in draw_sentences(seed):
        split = split_of_words(written.words)
        if split:
            found[split].append((written.pt, written.en))
    for split in ("validation", "test"):
        found[split] = in_words_of(found["train"], found[split])
    shuffled = {split: _shuffled(pairs, f"{split} {seed}") for split, pairs in found.items()}
    return {"train": shuffled["train"]} | {split: shuffled[split][:HELD_OUT_SIZE] for split in ("validation", "test")}


def in_words_of(train: list[Pair], held_out: list[Pair]) -> list[Pair]:
    """Keeps the held-out pairs whose every word form occurs in training, in both languages."""
    known = set(words_of(train))
    return [pair for pair in held_out if known.issuperset(words_of([pair]))]


def words_of(pairs: list[Pair]) -> Iterator[str]:
    """Yields the word forms of both languages, as "pt casa" and "en house", in small letters."""
    for pt, en in pairs:
        yield from (f"pt {word}" for word in WORD.findall(pt.lower()))
        yield from (f"en {word}" for word in WORD.findall(en.lower()))


def _shuffled(pairs: list[Pair], seed: str) -> tuple[Pair, ...]:
    """Puts pairs into an order drawn with random() alone, which Python promises never to change."""
    draw = Draw(seed)
    pairs = list(pairs)
    for last in range(len(pairs) - 1, 0, -1):
        other = draw.number(0, last)
        pairs[last], pairs[other] = pairs[other], pairs[last]
    return tuple(pairs)
