"""A phrase is a stretch of Portuguese with its English and the dictionary words that fill it.

Noun phrases carry what the rest of the sentence must agree with. Contractions come last, over the whole sentence
(`sentence`), so that phrases are glued together without a thought: "em" + "a mesa" is "na mesa" in the end.
"""

import functools
from typing import NamedTuple

from transformer_tutorial.data.phrasebook import english, portuguese
from transformer_tutorial.data.phrasebook.lexicon.times import numeral
from transformer_tutorial.data.phrasebook.words import Adjective, Noun


class Phrase(NamedTuple):
    """Portuguese, English, the dictionary forms of its words, and what agrees with it (persons: portuguese.py)."""

    pt: str
    en: str
    words: tuple[str, ...] = ()
    gender: str = "m"
    plural: bool = False
    person: int = 2


class Owner(NamedTuple):
    """A possessor: `pt` holds the four agreeing forms of "meu", or nothing but `of`, which follows the noun."""

    en: str
    pt: tuple[str, ...] = ()
    of: str = ""
    words: tuple[str, ...] = ()


ARTICLES = {("m", False): "o", ("f", False): "a", ("m", True): "os", ("f", True): "as"}
DEMONSTRATIVES = {
    "this": ("este", "esta", "estes", "estas"),
    "that": ("aquele", "aquela", "aqueles", "aquelas"),
}
MINE, YOURS, OURS = (
    Owner(en, tuple(pt.split()))
    for en, pt in (
        ("my", "meu minha meus minhas"),
        ("your", "teu tua teus tuas"),
        ("our", "nosso nossa nossos nossas"),
    )
)
HIS, HERS = Owner("his", of="ele"), Owner("her", of="ela")
THEIRS, THEIRS_F = Owner("their", of="eles"), Owner("their", of="elas")


def _four(forms: tuple[str, ...], gender: str, plural: bool) -> str:
    return forms[2 * plural + (gender == "f")]


@functools.cache
def noun_phrase(
    noun: Noun, plural: bool, adjective: Adjective | None, pt_before: str = "", en_before: str = ""
) -> Phrase:
    """Joins determiner, noun and adjective; the article "a" in `en_before` becomes "an" where it must."""
    plural = plural or noun.only_plural
    pt, en = (noun.pt_plural, noun.en_plural) if plural else (noun.pt, noun.en)
    words = (noun.pt,)
    if adjective:
        form = adjective.forms[noun.gender, plural]
        pt = f"{form} {pt}" if adjective.before else f"{pt} {form}"
        en = f"{adjective.en} {en}"
        words += (adjective.pt,)
    en = english.with_article(en) if en_before == "a" else f"{en_before} {en}".strip()
    person = 4 if plural else 2
    return Phrase(f"{pt_before} {pt}".strip(), en, words, noun.gender, plural, person)


def the(noun: Noun, plural: bool = False, adjective: Adjective | None = None) -> Phrase:
    """Gives "a maçã vermelha", "the red apple"."""
    plural = plural or noun.only_plural
    return noun_phrase(noun, plural, adjective, ARTICLES[noun.gender, plural], "" if noun.note == "name" else "the")


def a(noun: Noun, adjective: Adjective | None = None) -> Phrase:
    """Gives "uma maçã vermelha", "a red apple"; mass nouns and those without a singular stay bare."""
    if noun.mass or noun.only_plural:
        return bare(noun, adjective)
    return noun_phrase(noun, False, adjective, "uma" if noun.gender == "f" else "um", "a")


def bare(noun: Noun, adjective: Adjective | None = None) -> Phrase:
    """Gives "maçãs vermelhas", "red apples", or "pão fresco", "fresh bread"."""
    return noun_phrase(noun, not noun.uncounted, adjective)


def this(noun: Noun, plural: bool = False, adjective: Adjective | None = None, which: str = "this") -> Phrase:
    """Gives "esta maçã", "this apple"; `which` may be "that"."""
    plural = plural or noun.only_plural
    en = which if not plural else {"this": "these", "that": "those"}[which]
    return noun_phrase(noun, plural, adjective, _four(DEMONSTRATIVES[which], noun.gender, plural), en)


def count(number: int, noun: Noun, adjective: Adjective | None = None) -> Phrase:
    """Gives "duas maçãs", "two apples", for two or more of what can be counted."""
    pt, en = numeral(number, noun.gender)
    return noun_phrase(noun, True, adjective, pt, en)


@functools.cache
def owned(owner: Owner, noun: Noun, plural: bool = False, adjective: Adjective | None = None) -> Phrase:
    """Gives "o meu livro", "my book", or "o livro da Maria", "Maria's book"."""
    plural = plural or noun.only_plural
    article = ARTICLES[noun.gender, plural]
    if owner.pt:
        article = f"{article} {_four(owner.pt, noun.gender, plural)}"
    phrase = noun_phrase(noun, plural, adjective, article, owner.en)
    if owner.of:
        phrase = phrase._replace(pt=f"{phrase.pt} de {owner.of}")
    return phrase._replace(words=phrase.words + owner.words)


def owner_of(person: Phrase) -> Owner:
    """Makes a possessor of somebody: "a Maria" gives "de a Maria" and "Maria's"."""
    return Owner(english.genitive(person.en, person.plural), of=person.pt, words=person.words)


def agreeing(adjective: Adjective, subject: Phrase) -> Phrase:
    """Gives an adjective as the predicate of a subject."""
    return Phrase(adjective.forms[subject.gender, subject.plural], adjective.en, (adjective.pt,))


def overlapping(one: Phrase, other: Phrase) -> bool:
    """Says whether two people are the same, or one is named in the other: "Ana" and "Ana's brother"."""
    return one.en in other.en or other.en in one.en


def joined(*parts: Phrase | tuple[str, str] | str) -> Phrase:
    """Sets parts side by side; a bare string is Portuguese without an English counterpart ("de", "em")."""
    pt, en, words = [], [], ()
    for part in parts:
        if isinstance(part, str):
            pt.append(part)
            continue
        pt.append(part[0])
        en.append(part[1])
        if isinstance(part, Phrase):
            words += part.words
    return Phrase(" ".join(filter(None, pt)), " ".join(filter(None, en)), words)


def sentence(*parts: Phrase | tuple[str, str] | str, end: str = ".") -> Phrase:
    """Joins parts into a sentence: contractions, capital letters, final punctuation."""
    pt, en, words = joined(*parts)[:3]
    pt = portuguese.contract(pt).replace(" ,", ",")
    en = en.replace(" ,", ",")
    return Phrase(pt[0].upper() + pt[1:] + end, en[0].upper() + en[1:] + end, words)
