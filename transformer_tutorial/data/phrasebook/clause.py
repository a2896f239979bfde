"""Subject, verb and the rest, in both languages at once.

Tense is translated one to one:

    present            come               eats
    progressive        está a comer       is eating
    past progressive   estava a comer     was eating
    preterite          comeu              ate
    imperfect          comia              used to eat
    future             vai comer          is going to eat
    perfect            (já) comeu         has (already) eaten     with an adverb that asks for it
"""

from transformer_tutorial.data.phrasebook import english
from transformer_tutorial.data.phrasebook.phrase import Phrase
from transformer_tutorial.data.phrasebook.portuguese import conjugate
from transformer_tutorial.data.phrasebook.words import Verb

NOTHING = Phrase("", "")
ENGLISH_TENSES = {"preterite": "past", "imperfect": "habit"}
BE, STAY, HAVE, WANT, CAN, GO = (
    Verb(pt, en)
    for pt, en in (("ser", "be"), ("estar", "be"), ("ter", "have"), ("querer", "want"), ("poder", "can"), ("ir", "go"))
)


class Unclear(Exception):
    """What was drawn has more than one English, or no sense; the frame is to be drawn again."""


def clause(
    subject: Phrase,
    verb: Verb,
    rest: Phrase = NOTHING,
    tense: str = "present",
    *,
    negative: bool = False,
    question: bool = False,
    adverb: tuple[str, str] = ("", ""),
    dated: bool = False,
) -> Phrase:
    """Builds a clause without capitals, contractions or punctuation.

    Args:
        subject: a noun phrase; its Portuguese is empty where the pronoun is dropped.
        verb: the finite verb.
        rest: object, complement, adverbs.
        tense: see the module.
        negative: puts "não" and "not".
        question: turns the English round; the Portuguese keeps its order.
        adverb: stands before the Portuguese verb and the English main verb ("já", "already").
        dated: True says that an expression of time makes clear which tense is meant.

    Raises:
        Unclear: present and preterite look alike ("comemos") and nothing dates the sentence.
    """
    if tense in ("present", "preterite") and not dated and _present_is_preterite(verb.pt, subject.person):
        raise Unclear(verb.pt)
    pt = [
        _spoken(subject, tense),
        "não" if negative else "",
        adverb[0],
        finite(verb.pt, tense, subject.person),
        rest.pt,
    ]
    auxiliary, main = english.predicate(
        verb.en, ENGLISH_TENSES.get(tense, tense), subject.person, supported=negative or question
    )
    if negative:
        auxiliary = "cannot" if auxiliary == "can" else f"{auxiliary} not"
    start = [auxiliary, subject.en] if question else [subject.en, auxiliary]
    en = [*start, adverb[1], main, rest.en]
    words = subject.words + rest.words
    return Phrase(
        " ".join(filter(None, pt)), " ".join(filter(None, en)), words, subject.gender, subject.plural, subject.person
    )


def finite(verb: str, tense: str, person: int) -> str:
    """Gives the Portuguese verb group of a tense."""
    if tense == "progressive":
        return f"{conjugate('estar', 'present', person)} a {verb}"
    if tense == "past progressive":
        return f"{conjugate('estar', 'imperfect', person)} a {verb}"
    if tense == "future":
        return f"{conjugate('ir', 'present', person)} {verb}"
    return conjugate(verb, "preterite" if tense == "perfect" else tense, person)


def _spoken(subject: Phrase, tense: str) -> str:
    """Gives the subject's Portuguese; "eu" comes back in the tenses that eu and ele share."""
    shared = subject.person == 0 and tense in ("imperfect", "past progressive")
    return "eu" if shared else subject.pt


def _present_is_preterite(verb: str, person: int) -> bool:
    return person == 3 and conjugate(verb, "present", 3) == conjugate(verb, "preterite", 3)
