"""A small real grammar of European Portuguese with its English counterpart: a corpus that needs no network.

    pairs = phrasebook_pairs("train")      # [("Onde está a minha mala?", "Where is my suitcase?"), ...]

Reading order:

    words.py            what a lexicon entry holds, and how its tables are read
    lexicon/            the words, by theme
    portuguese.py       plural, agreement, conjugation, contraction
    english.py          plural, verb forms, comparison, a or an
    phrase.py           noun phrases in both languages; from phrases to a sentence
    clause.py           subject, verb and the rest in both languages, in seven tenses
    draw.py             chance, and the people it picks
    frames/             about a hundred sentence patterns, each a short function
    corpus.py           drawing, and the split by combination of words

A source sentence determines its English:

    - Tenses are translated one to one, see clause.py; "ir" in the present is "am going" unless it is a habit.
    - A pronoun is dropped only where the verb shows it (eu, tu, nós); he, she and they are always said, except
      after a clause that names them. A verb in the third person without a subject is the polite "you" ("Pode ...?").
    - "tu" and "vocês" are both "you"; possession is o meu, o teu, o nosso, dele, dela and deles, never "seu".
    - English is never contracted: "does not", "I am".
    - English spelling is British; Portuguese spelling follows the agreement of 1990.
"""

from transformer_tutorial.runtime.errors import UsageError

SPLITS = ("train", "validation", "test")


def phrasebook_pairs(split: str, seed: int = 0) -> list[tuple[str, str]]:
    """Gives one split of the corpus as (Portuguese, English) pairs.

    Every Portuguese sentence occurs once in the whole corpus. Validation and test hold combinations of words that
    training lacks, made of words that training has; corpus.py states the rule.

    Args:
        split: "train" (60,000 to 80,000 pairs), "validation" (1,000) or "test" (1,000).
        seed: draws other sentences in another order. What is held out does not depend on it, so the training split of
            one seed and the test split of another share no sentence.

    Raises:
        UsageError: there is no such split.
    """
    if split not in SPLITS:
        raise UsageError(f"the phrasebook has the splits {', '.join(SPLITS)}, got {split!r}.")
    from transformer_tutorial.data.phrasebook import corpus  # the lexicon is read when somebody asks for it

    return list(corpus.build(seed)[split])
