"""What people do, did, used to do, are doing and are going to do."""

from transformer_tutorial.data.phrasebook.clause import clause
from transformer_tutorial.data.phrasebook.draw import HE, Draw
from transformer_tutorial.data.phrasebook.frames.registry import frame
from transformer_tutorial.data.phrasebook.frames.things import identifying
from transformer_tutorial.data.phrasebook.lexicon import things, times
from transformer_tutorial.data.phrasebook.lexicon.actions import ACTIONS, HABITS, PASTIMES, PURSUITS
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
    sentence,
    the,
    this,
)  # fmt: skip
from transformer_tutorial.data.phrasebook.words import Adjective, Noun, Verb, listed

# Whose things the speaker, the listener and "we" handle.
OWN = {0: MINE, 1: YOURS, 3: OURS}
WITH_AN_HOUR = {"almoçar", "jantar", "dormir", "trabalhar"}
ALONE = frozenset(things.PUBLIC_VEHICLES + things.OWN_VEHICLES + things.HOMES + things.MEDIA + things.DISHES)
PROVISIONS = frozenset(things.FRUIT + things.VEGETABLES + things.STAPLES + things.DISHES + things.DRINKS)
BRAND_NEW = {"comprar", "pagar", "experimentar", "pedir", "reservar"}
TEMPERATURES = {"quente", "frio", "fresco"}
UNLIKELY = {"delicioso", "feio", "aborrecido", "perigoso", "barulhento", "lento", "duro"}


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
    theirs = {("m", False): HIS, ("f", False): HERS, ("m", True): THEIRS, ("f", True): THEIRS_F}
    owner = YOURS if subject.en == "you" else OWN.get(subject.person, theirs[subject.gender, subject.plural])
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
    return (
        a(noun, adjective)
        if kind == "a"
        else the(noun, not (noun.mass or noun in ALONE) and draw.chance(0.2), adjective)
    )


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


@frame(2000)
def did_then(draw: Draw) -> Phrase:
    """Ontem a Maria comprou um vestido azul."""
    subject = draw.anyone()
    verb, rest = action(draw, subject, ACTIONS)
    return sentence(at(draw, moment_of(draw, verb, True), clause(subject, verb, rest, "preterite", dated=True)))


@frame(2000)
def did(draw: Draw) -> Phrase:
    """O meu avô vendeu o carro."""
    subject = draw.anyone()
    verb, rest = action(draw, subject, ACTIONS)
    return sentence(clause(subject, verb, rest, "preterite", negative=draw.chance(0.35)))


@frame(1450)
def did_you(draw: Draw) -> Phrase:
    """Compraste o pão?"""
    subject = draw.asked()
    verb, rest = action(draw, subject, ACTIONS)
    return sentence(clause(subject, verb, rest, "preterite", question=True), end="?")


@frame(2000)
def going_to(draw: Draw) -> Phrase:
    """Amanhã vou comprar dois bilhetes."""
    subject = draw.anyone()
    verb, rest = action(draw, subject)
    told = clause(subject, verb, rest, "future", negative=draw.chance(0.2))
    return sentence(at(draw, moment_of(draw, verb, False), told) if draw.chance(0.7) else told)


@frame(900)
def are_you_going_to(draw: Draw) -> Phrase:
    """Vais lavar o carro?"""
    subject = draw.asked()
    verb, rest = action(draw, subject)
    when = moment_of(draw, verb, False) if draw.chance(0.4) else ("", "")
    return sentence(clause(subject, verb, joined(rest, when), "future", question=True), end="?")


@frame(1850)
def doing_now(draw: Draw) -> Phrase:
    """As crianças estão a brincar no jardim."""
    subject = draw.anyone()
    verb, rest = action(draw, subject)
    told = clause(subject, verb, rest, "progressive", negative=draw.chance(0.2))
    return sentence(told, draw.some(0.15, times.NOW) or ("", ""))


@frame(900)
def was_doing(draw: Draw) -> Phrase:
    """A Rita estava a ler um livro."""
    subject = draw.anyone()
    verb, rest = action(draw, subject)
    return sentence(clause(subject, verb, rest, "past progressive"))


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


REPEATED = tuple(
    verb for verb in HABITS if {"bare", "habit"} & set(verb.determiners) or verb.pt in ("limpar", "apanhar", "arrumar")
)
DOMESTIC = tuple(
    verb
    for verb in HABITS
    if verb.pt
    in listed("comer beber ler escrever lavar limpar arrumar preparar cozinhar cortar reparar ver ouvir fazer")
)


@frame(1600)
def habit(draw: Draw) -> Phrase:
    """A minha avó bebe chá todas as manhãs."""
    subject = draw.anyone()
    verb, rest = routine(draw)
    told = clause(subject, verb, joined(rest, regularly(draw, verb)), dated=True)
    return sentence(told)


@frame(800)
def never(draw: Draw) -> Phrase:
    """O João nunca come peixe."""
    subject = draw.anyone()
    verb, rest = routine(draw)
    return sentence(clause(subject, verb, rest, adverb=("nunca", "never")))


@frame(900)
def habit_asked(draw: Draw) -> Phrase:
    """Jogas ténis aos sábados?"""
    subject = draw.asked()
    verb, rest = routine(draw)
    when = regularly(draw, verb) if draw.chance(0.6) else ("", "")
    return sentence(clause(subject, verb, joined(rest, when), question=True), end="?")


@frame(1200)
def used_to(draw: Draw) -> Phrase:
    """Antigamente a minha tia cantava na igreja."""
    subject = draw.anyone(folk=False)
    verb, rest = routine(draw)
    told = clause(subject, verb, rest, "imperfect")
    if draw.chance(0.35):
        return sentence(joined(("antigamente", "in the past"), told))
    return sentence(told, regularly(draw, verb) if draw.chance(0.3) else ("", ""))


@frame(900)
def already(draw: Draw) -> Phrase:
    """A Inês já leu este livro."""
    subject = draw.anyone()
    verb, rest = action(draw, subject, pastimes=False)
    if draw.chance(0.5):
        return sentence(clause(subject, verb, rest, "perfect", adverb=("já", "already")))
    told = clause(subject, verb, rest, "perfect", negative=True)
    return sentence(told._replace(pt=told.pt.replace("não", "ainda não", 1), en=f"{told.en} yet"))


@frame(450)
def just_done(draw: Draw) -> Phrase:
    """Acabei de lavar a louça."""
    subject = draw.anyone()
    verb, rest = action(draw, subject, pastimes=False)
    en = clause(subject, verb, rest, "perfect", adverb=("", "just")).en
    pt = clause(subject, Verb("acabar", "finish"), Phrase(f"de {verb.pt} {rest.pt}", ""), "preterite").pt
    return sentence(Phrase(pt, en, subject.words + rest.words))


ASKING = (("quando é que", "when"), ("porque é que", "why"), ("onde é que", "where"))
# What has a place that one may ask for.
PLACED = {"comprar", "encontrar", "perder", "ver", "alugar", "aprender", "esquecer", "lavar", "reparar", "apanhar"}


@frame(900)
def where_or_when_did(draw: Draw) -> Phrase:
    """Onde é que compraste este casaco?"""
    subject = draw.asked()
    verb, rest = action(draw, subject, ACTIONS)
    words = ASKING if verb.pt in PLACED and rest.en.split()[0] not in ("at", "in", "on") else ASKING[:2]
    word = draw.one(words)
    tense = draw.one(("preterite", "preterite", "future")) if verb in HABITS else "preterite"
    return sentence(word, clause(subject, verb, rest, tense, question=True), end="?")


@frame(600)
def who_did(draw: Draw) -> Phrase:
    """Quem partiu o copo?"""
    who = Phrase("quem", "who")
    verb, rest = action(draw, who, ACTIONS)
    tense = draw.one(("preterite", "preterite", "future", "progressive")) if verb in HABITS else "preterite"
    return sentence(clause(who, verb, rest, tense), end="?")


@frame(350)
def what_did(draw: Draw) -> Phrase:
    """O que é que o Rui comprou ontem?"""
    verb = draw.one(tuple(verb for verb in ACTIONS if verb.pt in WHAT_VERBS))
    subject = draw.asked()
    when = Phrase(*draw.one(times.PAST_TIMES[:5]))
    english_verb = DO if verb.pt == "fazer" else verb
    asked = clause(subject, english_verb, when._replace(words=(verb.pt,)), "preterite", question=True, dated=True)
    return sentence(Phrase("o que é que", "what"), asked, end="?")


DO = Verb("fazer", "do")
WHAT_VERBS = {"comprar", "comer", "beber", "ler", "escrever", "receber", "vender", "ver", "pedir", "fazer"}
