"""Two clauses in one sentence: reasons, contrasts, reports, conditions, what happens before and while."""

from transformer_tutorial.data.phrasebook import english
from transformer_tutorial.data.phrasebook.clause import BE, NOTHING, STAY, Unclear, clause
from transformer_tutorial.data.phrasebook.draw import ME, PRONOUN_FOR, WE, Draw, dropped
from transformer_tutorial.data.phrasebook.frames.deeds import action, at_home, pastime, pursuit, regularly, routine
from transformer_tutorial.data.phrasebook.frames.registry import frame
from transformer_tutorial.data.phrasebook.frames.things import DESCRIBED, degree, determined
from transformer_tutorial.data.phrasebook.frames.travel import GOALS, going
from transformer_tutorial.data.phrasebook.lexicon import adjectives, people, things, times
from transformer_tutorial.data.phrasebook.lexicon.actions import nouns_of
from transformer_tutorial.data.phrasebook.phrase import Phrase, agreeing, joined, sentence, the
from transformer_tutorial.data.phrasebook.words import Verb, listed, rows

# A mood, and what may have brought it about: verb and rest in Portuguese, verb and rest in English, tense.
REASONS = tuple(
    rows("""
cansado       trabalhar  muito               work      a lot                  preterite
cansado       dormir     mal                 sleep     badly                  preterite
cansado       correr     no parque           run       in the park            preterite
triste        perder     o jogo              lose      the game               preterite
triste        perder     o avião             miss      the plane              preterite
contente      receber    uma carta           receive   a letter               preterite
contente      encontrar  as chaves           find      the keys               preterite
contente      ganhar     o jogo              win       the game               preterite
nervoso       ter        um exame amanhã     have      an exam tomorrow       present
nervoso       esperar    duas horas          wait      two hours              preterite
atrasado      perder     o autocarro         miss      the bus                preterite
atrasado      acordar    tarde               wake      up late                preterite
zangado       esperar    uma hora            wait      an hour                preterite
zangado       perder     a carteira          lose      the wallet             preterite
doente        comer      demasiado gelado    eat       too much ice cream     preterite
doente        comer      demasiadas cerejas  eat       too many cherries      preterite
preocupado    perder     o passaporte        lose      the passport           preterite
preocupado    ter        um exame amanhã     have      an exam tomorrow       present
feliz         comprar    uma casa            buy       a house                preterite
feliz         passar     no exame            pass      the exam               preterite
surpreendido  receber    uma prenda          receive   a present              preterite
ocupado       estudar    para o exame        study     for the exam           progressive
ocupado       preparar   o jantar            prepare   dinner                 progressive
""")
)
MOOD = {adjective.pt: adjective for adjective in adjectives.MOODS}
# Why somebody stays away.
EXCUSES = (
    (Verb("ter", "have"), Phrase("de trabalhar", "to work", ("trabalhar",))),
    (Verb("ter", "have"), Phrase("de estudar", "to study", ("estudar",))),
    (Verb("ter", "have"), Phrase("muito trabalho", "a lot of work", ("trabalho",))),
    (Verb("ter", "be"), Phrase("sono", "sleepy", ("sono",))),
)
WELCOME = listed(
    "bonito barato confortável moderno rápido elegante interessante fácil útil leve tranquilo famoso delicioso"
)
UNWELCOME = listed("caro feio velho pequeno lento barulhento aborrecido difícil perigoso pesado escuro")
CONTRASTED = tuple(
    noun
    for noun in DESCRIBED
    if {one.pt for one in noun.adjectives} & WELCOME and {one.pt for one in noun.adjectives} & UNWELCOME
)
OPPOSITES = {
    "bonito": "feio", "barato": "caro", "rápido": "lento", "interessante": "aborrecido", "fácil": "difícil",
    "leve": "pesado", "tranquilo": "barulhento", "moderno": "velho", "elegante": "feio",
}  # fmt: skip
OPINIONS = (("acho que", "I think that"), ("penso que", "I believe that"), ("parece que", "it seems that"))
QUESTIONS = (("sabes se", "do you know whether"), ("sabe dizer-me se", "can you tell me whether"))
AS_A_CHILD = ("quando era criança,", "when I was a child,")
AS_CHILDREN = ("quando éramos crianças,", "when we were children,")
FAIR = (
    ("se não chover", "if it does not rain"),
    ("se estiver sol", "if it is sunny"),
    ("se estiver calor", "if it is hot"),
)
FIRST_THINGS = (
    (Verb("almoçar", "have lunch"), NOTHING), (Verb("jantar", "have dinner"), NOTHING),
    (Verb("trabalhar", "work"), NOTHING), (Verb("tomar", "have"), Phrase("o pequeno-almoço", "breakfast")),
    (Verb("sair", "leave"), NOTHING), (Verb("estudar", "study"), NOTHING),
    (Verb("fazer", "do"), Phrase("compras", "the shopping")), (Verb("lavar", "do"), Phrase("a louça", "the dishes")),
)  # fmt: skip
BOUGHT = tuple(noun for noun in things.CLOTHES + things.WARES + things.FRUIT + things.STAPLES if noun.adjectives)
FOUL = (("se chover", "if it rains"), ("se estiver frio", "if it is cold"), ("se nevar", "if it snows"))
OUTDOORS = nouns_of("praia parque castelo aldeia piscina mercado estádio ilha lago rio montanha floresta")
INDOORS = nouns_of(
    "museu cinema teatro biblioteca livraria restaurante ginásio centro_comercial pastelaria universidade"
)


def pronoun_of(subject: Phrase) -> Phrase:
    """Gives the English pronoun that takes a subject up again; Portuguese drops it."""
    if subject.person == 2 or (subject.person == 4 and subject.en != "you"):
        return dropped(PRONOUN_FOR[subject.gender, subject.plural])
    return dropped(subject)


@frame(650)
def feeling_because(draw: Draw) -> Phrase:
    """A Maria está triste porque perdeu o avião."""
    mood, verb, pt, en_verb, en, tense = draw.one(REASONS)
    subject = draw.anyone()
    felt = clause(subject, STAY, agreeing(MOOD[mood], subject))
    reason = clause(pronoun_of(subject), Verb(verb, en_verb), Phrase(pt, en, (verb,)), tense)
    return sentence(felt._replace(words=(mood, *subject.words)), ("porque", "because"), reason)


@frame(550)
def staying_away_because(draw: Draw) -> Phrase:
    """O Rui não vai ao cinema porque tem de estudar."""
    subject, (verb, excuse) = draw.anyone(folk=False), draw.one(EXCUSES)
    goal = joined(("a", "to"), the(draw.one(GOALS)))
    away = going(subject, goal, negative=True)
    return sentence(away, ("porque", "because"), clause(pronoun_of(subject), verb, excuse))


@frame(850)
def contrast(draw: Draw) -> Phrase:
    """O hotel é bonito, mas é muito caro."""
    noun = draw.one(CONTRASTED)
    good = draw.one(tuple(one for one in noun.adjectives if one.pt in WELCOME))
    bad = draw.one(tuple(one for one in noun.adjectives if one.pt in UNWELCOME))
    if OPPOSITES.get(good.pt) == bad.pt:
        return contrast(draw)
    subject = determined(draw, noun, plural=not noun.mass and draw.chance(0.25))
    first, second = (good, bad) if draw.chance(0.6) else (bad, good)
    again = Phrase("", "they" if subject.plural else "it", (), *subject[3:])
    praise = clause(subject, BE, agreeing(first, subject))
    blame = clause(again, BE, joined(degree(draw, second.pt, 0.6), agreeing(second, subject)))
    return sentence(praise, (", mas", ", but"), blame)


def state_of(draw: Draw, graded: float) -> Phrase:
    """Draws a clause that says what something or somebody is like; `graded` is the share with "very" or "too"."""
    if draw.chance(0.35):
        adjective, subject = draw.one(adjectives.MOODS), draw.third_person()
        return clause(subject, STAY, agreeing(adjective, subject))
    noun = draw.one(DESCRIBED)
    adjective = draw.one(noun.adjectives)
    subject = determined(draw, noun, plural=not noun.mass and draw.chance(0.2))
    copula = BE if adjective.copula == "ser" else STAY
    return clause(subject, copula, joined(degree(draw, adjective.pt, graded), agreeing(adjective, subject)))


@frame(1200)
def opinion(draw: Draw) -> Phrase:
    """Acho que a sopa está fria."""
    if draw.chance(0.3):
        return sentence(draw.one(QUESTIONS), state_of(draw, 0.0), end="?")
    return sentence(draw.one(OPINIONS), state_of(draw, 0.3))


@frame(900)
def reported(draw: Draw) -> Phrase:
    """A Ana diz que o Pedro vai comprar um carro."""
    speaker, subject = draw.third_person(), draw.third_person()
    if draw.chance(0.5) or subject == speaker or subject.en in ("he", "she", "they"):
        subject = pronoun_of(speaker)
    verb, rest = action(draw, subject)
    said = clause(subject, verb, rest, draw.one(("future", "progressive", "preterite")))
    return sentence(clause(speaker, Verb("dizer", "say")), ("que", "that"), said)


@frame(800)
def on_arrival(draw: Draw) -> Phrase:
    """Quando cheguei, a Ana estava a ler um livro."""
    first = draw.anyone(drop=1.0)
    second = draw.third_person() if first.person in (0, 3) else draw.anyone()
    while second.en == first.en:
        second = draw.third_person()
    home = draw.some(0.6, (("a casa", "home"),)) or ("", "")
    arrived = clause(first, Verb("chegar", "get" if home[0] else "arrive"), Phrase(*home), "preterite")
    verb, rest = at_home(draw, second)
    return sentence(("quando", "when"), arrived, (",", ","), clause(second, verb, rest, "past progressive"))


@frame(900)
def meanwhile(draw: Draw) -> Phrase:
    """O Rui está a ler um livro e a Ana está a ouvir música."""
    first, second = draw.name(), draw.third_person()
    while second.en in ("he", "she", "they") or first.en in second.en:
        second = draw.third_person()
    if draw.chance(0.3):
        first = draw.speaker(0.7)
    tense, link = draw.one((("progressive", ("e", "and")), ("past progressive", ("enquanto", "while"))))
    deed, other_deed = at_home(draw, first), pursuit(draw) if draw.chance(0.5) else at_home(draw, second)
    return sentence(clause(first, *deed, tense), link, clause(second, *other_deed, tense))


@frame(600)
def as_children(draw: Draw) -> Phrase:
    """Quando era criança, eu jogava futebol na praia."""
    one = draw.chance(0.6)
    subject = ME if one else dropped(WE)
    start = AS_A_CHILD if one else AS_CHILDREN
    verb, rest = routine(draw)
    if verb.pt == "trabalhar" or "universidade" in rest.words:
        raise Unclear(verb.pt)
    when = regularly(draw, verb) if draw.chance(0.4) else ("", "")
    return sentence(start, clause(subject, verb, joined(rest, when), "imperfect"))


@frame(650)
def before_and_after(draw: Draw) -> Phrase:
    """Depois de almoçar, a Ana vai nadar no rio."""
    link = draw.one((("depois de", "after"), ("antes de", "before")))
    verb, rest = draw.one(FIRST_THINGS)
    subject = draw.anyone()
    second_verb, second_rest = pastime(draw) if draw.chance(0.3) else at_home(draw, subject)
    start = joined(link, Phrase(verb.pt, english.gerund(verb.en), (verb.pt,)), rest)
    tense = "future" if draw.chance(0.6) else "preterite"
    return sentence(start, (",", ","), clause(subject, second_verb, second_rest, tense))


@frame(600)
def condition(draw: Draw) -> Phrase:
    """Se chover, vamos ao museu."""
    fair, subject = draw.chance(0.5), draw.anyone(drop=1.0)
    start = draw.one(FAIR if fair else FOUL)
    away = fair or draw.chance(0.3)
    goal = joined(("a", "to"), the(draw.one(OUTDOORS if away else INDOORS)))
    when = draw.some(0.3, times.FUTURE_TIMES[:2]) or ("", "")
    return sentence(start, when, (",", ","), going(subject, goal, negative=away and not fair))


@frame(650)
def relative_subject(draw: Draw) -> Phrase:
    """A rapariga que comprou o vestido é portuguesa."""
    noun = draw.one(people.FOLK)
    subject = the(noun, plural=draw.chance(0.25))
    verb, rest = action(draw, subject)
    who = clause(Phrase("que", "who", (), *subject[3:]), verb, rest, draw.one(("preterite", "progressive")))
    adjective = draw.one(adjectives.NATIONALITIES)
    described = clause(Phrase("", "", (), *subject[3:]), BE, agreeing(adjective, subject))
    return sentence(subject, who, described)


@frame(650)
def relative_object(draw: Draw) -> Phrase:
    """A camisa que comprei ontem é muito cara."""
    noun = draw.one(BOUGHT)
    adjective = draw.one(tuple(one for one in noun.adjectives if one.pt not in ("novo", "velho")))
    plural = not noun.mass and draw.chance(0.2)
    thing = the(noun, plural)
    buyer = draw.anyone()
    when = Phrase(*draw.one(times.PAST_TIMES), ("comprar",))
    bought = clause(buyer, Verb("comprar", "buy"), when, "preterite", dated=True)
    copula = BE if adjective.copula == "ser" else STAY
    quality = joined(degree(draw, adjective.pt), agreeing(adjective, thing))
    described = clause(Phrase("", "", (), *thing[3:]), copula, quality)
    return sentence(thing, ("que", "that"), bought, described)
