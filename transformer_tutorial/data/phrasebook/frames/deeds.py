"""Drawing something to do: a verb with its object or its place, and a time that suits it."""

from transformer_tutorial.data.phrasebook.draw import HE, Draw
from transformer_tutorial.data.phrasebook.frames.things import EDIBLE, identifying
from transformer_tutorial.data.phrasebook.lexicon import things, times
from transformer_tutorial.data.phrasebook.lexicon.actions import HABITS, PASTIMES, PURSUITS
from transformer_tutorial.data.phrasebook.phrase import (
    HERS,
    HIS,
    MINE,
    OURS,
    THEIRS,
    THEIRS_F,
    YOURS,
    Phrase,
    a,
    bare,
    count,
    joined,
    owned,
    owner_of,
    the,
    this,
)
from transformer_tutorial.data.phrasebook.words import Adjective, Noun, Verb, listed

# Whose things the speaker, the listener and "we" handle.
OWN = {0: MINE, 1: YOURS, 3: OURS}
THEIR_OWN = {("m", False): HIS, ("f", False): HERS, ("m", True): THEIRS, ("f", True): THEIRS_F}
# What has its own hour of the day, and what one handles a single one of.
WITH_AN_HOUR = {"almoçar", "jantar", "dormir", "trabalhar"}
ALONE = frozenset(things.PUBLIC_VEHICLES + things.OWN_VEHICLES + things.HOMES + things.MEDIA + things.DISHES)
PROVISIONS = frozenset(EDIBLE)
BRAND_NEW = {"comprar", "pagar", "experimentar", "pedir", "reservar"}
TEMPERATURES = {"quente", "frio", "fresco"}
UNLIKELY = {"delicioso", "feio", "aborrecido", "perigoso", "barulhento", "lento", "duro"}

REPEATED = tuple(
    verb for verb in HABITS if {"bare", "habit"} & set(verb.determiners) or verb.pt in ("limpar", "apanhar", "arrumar")
)
DOMESTIC = tuple(
    verb
    for verb in HABITS
    if verb.pt
    in listed("comer beber ler escrever lavar limpar arrumar preparar cozinhar cortar reparar ver ouvir fazer")
)


def telling(noun: Noun) -> tuple[Adjective, ...]:
    """The adjectives for a thing that is new to the listener; hot and cold for what is eaten and drunk."""
    return tuple(
        one for one in noun.adjectives if (one.copula == "ser" or one.pt in TEMPERATURES) and one.pt not in UNLIKELY
    )


def own_or_other(draw: Draw, noun: Noun, subject: Phrase, adjective: Adjective | None = None) -> Phrase:
    """Draws the subject's own ("Ana sold her car"), somebody else's, or just "the"."""
    if draw.chance(0.3):
        return the(noun, adjective=adjective)
    if draw.chance(0.3):
        return owned(draw.one((MINE, YOURS, OURS, HIS, HERS, owner_of(draw.name()))), noun, adjective=adjective)
    owner = YOURS if subject.en == "you" else OWN.get(subject.person, THEIR_OWN[subject.gender, subject.plural])
    return owned(owner, noun, adjective=adjective)


def object_of(draw: Draw, verb: Verb, subject: Phrase, determiners: tuple[str, ...] = ()) -> Phrase:
    """Draws an object that the verb may have, in one of the ways it may be determined."""
    noun = draw.one(verb.objects)
    kind = draw.one(determiners or tuple(one for one in verb.determiners if one != "habit"))
    definite = kind in ("the", "this", "my")
    suited = identifying(noun) if definite else telling(noun)
    if verb.pt in BRAND_NEW:
        suited = tuple(one for one in suited if one.pt != "velho")
    if noun in PROVISIONS:
        suited = tuple(one for one in suited if one.pt not in ("caro", "barato"))
    adjective = draw.some(0.35, suited)
    if kind == "my":
        return own_or_other(draw, noun, subject, adjective)
    if kind == "all":
        return the(noun, True, adjective)
    if kind == "num" and not (noun.mass or noun.only_plural):
        return count(draw.number(2, 5), noun, adjective)
    if kind in ("bare", "num") or (kind == "a" and noun.mass):
        return bare(noun, adjective)
    if kind == "this":
        return this(noun, adjective=adjective, which="this" if draw.chance(0.7) else "that")
    if kind == "a":
        return a(noun, adjective)
    return the(noun, not (noun.mass or noun in ALONE) and draw.chance(0.2), adjective)


def action(draw: Draw, subject: Phrase, verbs: tuple[Verb, ...] = HABITS, pastimes: bool = True) -> tuple[Verb, Phrase]:
    """Draws a verb and what follows it: an object, a set phrase, or, with `pastimes`, a place."""
    kind = draw.number(0, 9)
    if kind == 0 and pastimes:
        return pastime(draw)
    if kind == 1:
        return pursuit(draw)
    verb = draw.one(verbs)
    thing = object_of(draw, verb, subject)
    return verb, thing._replace(words=(verb.pt, *thing.words))


def at_home(draw: Draw, subject: Phrase) -> tuple[Verb, Phrase]:
    """Draws what people do about the house."""
    return action(draw, subject, DOMESTIC, pastimes=False)


def pastime(draw: Draw) -> tuple[Verb, Phrase]:
    """Draws a verb without an object, and a place for it: "nadar no rio"."""
    verb = draw.one(PASTIMES)
    place = draw.one(verb.objects)
    where = joined("em", Phrase("", place.note), the(place))
    return verb, where._replace(words=(verb.pt, place.pt))


def pursuit(draw: Draw) -> tuple[Verb, Phrase]:
    """Draws a set phrase: "jogar futebol", "play football"."""
    pt_verb, pt, en_verb, en = draw.one(PURSUITS)
    return Verb(pt_verb, en_verb), Phrase(pt, en, (pt_verb, pt))


# What is remembered after a month, or planned for the next one.
MEMORABLE = listed("comprar vender alugar visitar perder receber enviar pintar reparar reservar encontrar partir")


def moment_of(draw: Draw, verb: Verb, past: bool) -> tuple[str, str]:
    """Draws when something was or is going to be done: soon, unless it is out of the ordinary."""
    if verb.pt in MEMORABLE:
        return draw.one(times.PAST_TIMES if past else times.FUTURE_TIMES)
    return draw.one(times.PAST_TIMES[:5] if past else times.FUTURE_TIMES[:6])


def at(draw: Draw, moment: tuple[str, str], told: Phrase) -> Phrase:
    """Sets an expression of time before or after a clause."""
    return joined(moment, told) if draw.chance(0.4) else joined(told, moment)


def regularly(draw: Draw, verb: Verb) -> tuple[str, str]:
    """Draws how often something is done; what has its own hour of the day goes without another."""
    return draw.one(times.HABIT_DAYS if verb.pt in WITH_AN_HOUR else times.HABIT_TIMES)


def routine(draw: Draw) -> tuple[Verb, Phrase]:
    """Draws what can be done again and again: a set phrase, a pastime, or an object of no particular piece."""
    kind = draw.number(0, 9)
    if kind < 3:
        return pastime(draw)
    if kind < 6:
        return pursuit(draw)
    verb = draw.one(REPEATED)
    loose = {"bare", "habit"} & set(verb.determiners)
    thing = object_of(draw, verb, HE, ("bare",)) if loose else the(draw.one(verb.objects))
    return verb, thing._replace(words=(verb.pt, *thing.words))
