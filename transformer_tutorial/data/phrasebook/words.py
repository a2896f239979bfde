"""What a lexicon holds, and how its tables are read.

A table is text, one word a line, columns two or more blanks apart:

    a maçã         apple          vermelho verde doce      article + noun, English, adjectives that suit it
    o pão/pães     bread/-        fresco duro              after "/" an irregular plural; "-" has none (mass)
    a sopa         soup/~         quente                   "~" goes both ways: two soups, but eat soup
    os óculos      glasses        novo                     a plural article: there is no singular
    o almoço       lunch/-        pronto       name        English goes without "the"

An adjective column may name a group of adjectives (TRAITS in lexicon/adjectives.py) in capitals.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from transformer_tutorial.data.phrasebook import english, portuguese


@dataclass(frozen=True, eq=False)
class Adjective:
    """An adjective: `forms` by (gender, plural); `copula` is ser or estar; `before` stands before its noun."""

    pt: str
    en: str
    forms: dict[tuple[str, bool], str]
    copula: str
    before: bool = False


@dataclass(frozen=True, eq=False)
class Noun:
    """A noun. `en_plural` is empty for a mass noun; `uncounted` may stand bare in the singular; `note`: last column."""

    pt: str
    en: str
    gender: str
    pt_plural: str
    en_plural: str
    only_plural: bool = False
    uncounted: bool = False
    adjectives: tuple[Adjective, ...] = ()
    note: str = ""

    @property
    def mass(self) -> bool:
        return not self.en_plural


@dataclass(frozen=True, eq=False)
class Verb:
    """A verb with what it may govern: `determiners` and `objects` are empty where it takes no object."""

    pt: str
    en: str
    determiners: tuple[str, ...] = ()
    objects: tuple[Noun, ...] = ()
    note: str = ""


def listed(words: str) -> frozenset[str]:
    """Makes a set of words written one after the other."""
    return frozenset(words.split())


def rows(table: str) -> Iterator[list[str]]:
    """Yields the columns of each line that is not empty."""
    for line in table.strip().splitlines():
        if line.strip():
            yield re.split(r" {2,}", line.strip())


def read_adjectives(table: str) -> dict[str, Adjective]:
    """Reads lines "pt  en  copula [before]"; pt may list "masculine/feminine/plural/feminine plural"."""
    found = {}
    for pt, en, copula, *note in rows(table):
        given = pt.split("/")
        masculine = given[0]
        feminine = given[1] if len(given) > 1 else portuguese.feminine(masculine)
        plural = given[2] if len(given) > 2 else portuguese.plural(masculine)
        feminine_plural = given[3] if len(given) > 3 else portuguese.plural(feminine)
        forms = {("m", False): masculine, ("f", False): feminine, ("m", True): plural, ("f", True): feminine_plural}
        found[masculine] = Adjective(masculine, en, forms, copula, "before" in note)
    return found


def read_nouns(table: str, adjectives: dict[str, tuple[Adjective, ...]]) -> tuple[Noun, ...]:
    """Reads lines "article noun[/plural]  english[/plural]  [adjectives and groups]  [note]"."""
    found = []
    for pt, en, *more in rows(table):
        article, name = pt.split(" ", 1)
        singular, _, plural = name.partition("/")
        only_plural = article in ("os", "as")
        pt_plural = singular if only_plural else plural or portuguese.plural(singular)
        en_singular, _, given = en.partition("/")
        uncounted = given in ("-", "~")
        en_plural = english.plural(en_singular) if given in ("", "~") else given.strip("-")
        suited = tuple(adjective for key in (more[0].split() if more else ()) for adjective in adjectives[key])
        note = more[1] if len(more) > 1 else ""
        gender = "f" if article in ("a", "as") else "m"
        en_plural = en_singular if only_plural else en_plural
        found.append(Noun(singular, en_singular, gender, pt_plural, en_plural, only_plural, uncounted, suited, note))
    return tuple(found)
