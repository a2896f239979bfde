"""Chance, and the people it picks. Uses random() alone: the one method whose numbers Python promises to keep."""

import random
from collections.abc import Sequence
from typing import TypeVar

from transformer_tutorial.data.phrasebook.lexicon import people
from transformer_tutorial.data.phrasebook.phrase import MINE, OURS, YOURS, Owner, Phrase, joined, owned, owner_of, the
from transformer_tutorial.data.phrasebook.words import Noun

Item = TypeVar("Item")

ME, YOU, HE, SHE, WE, YOU_ALL, THEY, THEY_F = (
    Phrase(pt, en, (), gender, plural, person)
    for pt, en, gender, plural, person in (
        ("eu", "I", "m", False, 0),
        ("tu", "you", "m", False, 1),
        ("ele", "he", "m", False, 2),
        ("ela", "she", "f", False, 2),
        ("nós", "we", "m", True, 3),
        ("vocês", "you", "m", True, 4),
        ("eles", "they", "m", True, 4),
        ("elas", "they", "f", True, 4),
    )
)
PRONOUN_FOR = {("m", False): HE, ("f", False): SHE, ("m", True): THEY, ("f", True): THEY_F}


def dropped(pronoun: Phrase) -> Phrase:
    """Leaves the Portuguese pronoun out: the verb says who it is (eu, tu and nós only)."""
    return pronoun._replace(pt="")


class Draw:
    """A stream of choices."""

    def __init__(self, seed: str):
        self._random = random.Random(seed).random

    def chance(self, share: float) -> bool:
        return self._random() < share

    def one(self, items: Sequence[Item]) -> Item:
        return items[int(self._random() * len(items))]

    def two(self, items: Sequence[Item]) -> tuple[Item, Item]:
        """Draws two different items, in any order."""
        first = second = self.one(items)
        while second is first:
            second = self.one(items)
        return first, second

    def number(self, low: int, high: int) -> int:
        """Draws a whole number from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def some(self, share: float, items: Sequence[Item]) -> Item | None:
        """Draws one of the items with the given chance, else None."""
        return self.one(items) if items and self.chance(share) else None

    def name(self) -> Phrase:
        """Draws "o João" or "a Maria"."""
        if self.chance(0.5):
            name = self.one(people.NAMES_M)
            return Phrase(f"o {name}", name, (), "m")
        name = self.one(people.NAMES_F)
        return Phrase(f"a {name}", name, (), "f")

    def couple(self) -> Phrase:
        """Draws two different names joined by "e"."""
        first, second = self.name(), self.name()
        while second == first:
            second = self.name()
        gender = "f" if first.gender == second.gender == "f" else "m"
        return joined(first, ("e", "and"), second)._replace(gender=gender, plural=True, person=4)

    def kin(self, mine: bool = True) -> Phrase:
        """Draws somebody's relative or friend: "a minha irmã", "o pai do Rui", "os nossos vizinhos"."""
        noun = self.one(people.KIN) if self.chance(0.75) else self.one(people.KIN_IN_PLURAL)
        if noun.pt in people.SPOUSES:
            return self._spouse(noun, mine)
        return owned(self.kin_owner(mine), noun)

    def _spouse(self, noun: Noun, mine: bool) -> Phrase:
        """Draws "o marido da Ana", "a minha mulher": never "our wife"."""
        if self.chance(0.5):
            return owned(MINE if mine and self.chance(0.6) else YOURS, noun)
        article, names = ("a", people.NAMES_F) if noun.pt == "marido" else ("o", people.NAMES_M)
        name = self.one(names)
        return owned(owner_of(Phrase(f"{article} {name}", name)), noun)

    def kin_owner(self, mine: bool = True) -> Owner:
        """Draws whose relative somebody is; nobody asks strangers about "my brother"."""
        if self.chance(0.25):
            return owner_of(self.name())
        if not mine:
            return YOURS
        return MINE if self.chance(0.6) else YOURS if self.chance(0.5) else OURS

    def folk(self) -> Phrase:
        """Draws "a rapariga", "os turistas"."""
        return the(self.one(people.FOLK), plural=self.chance(0.35))

    def third_person(self, folk: bool = True, mine: bool = True) -> Phrase:
        """Draws somebody else; `folk` admits "the girl", "the tourists", and `mine` "my brother"."""
        kind = self._random() * (1.0 if folk else 0.84)
        if kind < 0.22:
            return self.one((HE, SHE, THEY, THEY_F))
        if kind < 0.5:
            return self.name()
        if kind < 0.58:
            return self.couple()
        return self.kin(mine) if kind < 0.84 else self.folk()

    def speaker(self, drop: float = 0.8) -> Phrase:
        """Draws "eu" or "nós" of either gender, mostly dropped."""
        pronoun = self.one((ME, WE))._replace(gender=self.one("mf"))
        return dropped(pronoun) if self.chance(drop) else pronoun

    def adult(self) -> Phrase:
        """Draws somebody of any age but a child: a speaker, a pronoun, one or two people by name."""
        if self.chance(0.35):
            return self.speaker()
        return self.one((self.one((HE, SHE, THEY, THEY_F)), self.name(), self.couple()))

    def anyone(self, drop: float = 0.8, folk: bool = True) -> Phrase:
        """Draws the subject of a statement."""
        return self.speaker(drop) if self.chance(0.35) else self.third_person(folk)

    def asked(self, folk: bool = True) -> Phrase:
        """Draws the subject of a question: the listener, or somebody else."""
        kind = self._random()
        if kind < 0.4:
            return dropped(YOU)._replace(gender=self.one("mf"))
        return YOU_ALL._replace(gender=self.one("mf")) if kind < 0.55 else self.third_person(folk, mine=False)
