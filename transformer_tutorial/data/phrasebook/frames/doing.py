"""What people do, did, used to do, are doing and are going to do."""

from transformer_tutorial.data.phrasebook.clause import clause
from transformer_tutorial.data.phrasebook.draw import Draw
from transformer_tutorial.data.phrasebook.frames.deeds import action, at, moment_of, regularly, routine
from transformer_tutorial.data.phrasebook.frames.registry import frame
from transformer_tutorial.data.phrasebook.lexicon import times
from transformer_tutorial.data.phrasebook.lexicon.actions import ACTIONS, HABITS
from transformer_tutorial.data.phrasebook.phrase import Phrase, joined, sentence
from transformer_tutorial.data.phrasebook.words import Verb


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
