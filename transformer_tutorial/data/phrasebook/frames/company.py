"""People with people: meeting, helping, giving; putting things somewhere; events; how things are done."""

from transformer_tutorial.data.phrasebook.clause import BE, HAVE, Unclear, clause
from transformer_tutorial.data.phrasebook.draw import Draw
from transformer_tutorial.data.phrasebook.frames.deeds import own_or_other, telling
from transformer_tutorial.data.phrasebook.frames.registry import frame, stated_or_asked
from transformer_tutorial.data.phrasebook.frames.things import BESIDE, INSIDE, PORTABLE, STORAGE
from transformer_tutorial.data.phrasebook.lexicon import people, places, things, times
from transformer_tutorial.data.phrasebook.lexicon.actions import nouns_of
from transformer_tutorial.data.phrasebook.lexicon.phrases import FIXED
from transformer_tutorial.data.phrasebook.phrase import Phrase, a, joined, overlapping, owned, sentence, the
from transformer_tutorial.data.phrasebook.words import Verb, listed, rows

# Verbs that people are the object of: link in Portuguese, English verb and link, and whether one plans it.
DEALINGS = (
    ("ajudar", "", "help", "", True), ("visitar", "", "visit", "", True), ("convidar", "", "invite", "", True),
    ("telefonar", "a", "call", "", True), ("falar", "com", "speak", "to", True), ("ver", "", "see", "", False),
    ("ouvir", "", "hear", "", False), ("reconhecer", "", "recognise", "", False),
)  # fmt: skip
GIVING = tuple(
    (Verb(pt, en), nouns_of(gifts))
    for pt, en, gifts in rows("""
dar         give    livro flor prenda anel brinquedo perfume boneca bola relógio
enviar      send    carta postal mensagem encomenda flor fotografia livro
mostrar     show    fotografia mapa casa quarto jardim passaporte cidade quadro
emprestar   lend    livro carro bicicleta guarda-chuva caneta computador casaco dicionário
oferecer    offer   café chá bolo cerveja flor chocolate
vender      sell    carro casa bicicleta computador quadro mota
""")
)
MET = {"ver", "ajudar", "ouvir", "reconhecer", "falar"}
MOMENTS = {"preterite": times.PAST_TIMES, "future": times.FUTURE_TIMES, "progressive": times.NOW}
LEFT_IN = nouns_of("comboio autocarro avião elétrico táxi hotel restaurante museu estação aeroporto")
WANTED = listed("limpo novo seco grande pequeno confortável barato")
LEAVE, NEED = Verb("deixar", "leave"), Verb("precisar", "need")
PUTTING = ((Verb("pôr", "put"), True), (Verb("deixar", "leave"), True), (Verb("encontrar", "find"), False))
MANNERS = (
    ("dormir", "sleep", "bem mal pouco"), ("trabalhar", "work", "muito bem"), ("correr", "run", "depressa devagar"),
    ("falar", "speak", "depressa devagar baixo"), ("cantar", "sing", "bem mal"), ("nadar", "swim", "bem mal depressa"),
    ("dançar", "dance", "bem mal"), ("conduzir", "drive", "depressa devagar bem mal"),
    ("comer", "eat", "depressa devagar muito"),
    ("cozinhar", "cook", "bem mal"), ("chegar", "arrive", "cedo tarde"), ("acordar", "wake up", "cedo tarde"),
    ("sair", "leave", "cedo tarde"), ("andar", "walk", "depressa devagar"), ("escrever", "write", "bem mal"),
)  # fmt: skip
ADVERBS = {
    "bem": "well", "mal": "badly", "pouco": "little", "muito": "a lot", "depressa": "fast", "devagar": "slowly",
    "baixo": "quietly", "cedo": "early", "tarde": "late",
}  # fmt: skip
EVENTS = (
    ("a festa", "the party"), ("a reunião", "the meeting"), ("a aula", "the lesson"), ("o exame", "the exam"),
    ("o concerto", "the concert"), ("o jogo", "the game"), ("o filme", "the film"), ("a visita", "the visit"),
)  # fmt: skip
PRAISE = listed("bonito feio elegante interessante confortável engraçado delicioso doce moderno tranquilo caro")
ADMIRED = tuple(
    noun
    for noun in (*places.SIGHTS, *places.OUTDOORS, *things.CLOTHES, *things.HOMES, *things.ROOMS, *things.READING,
                 *things.DISHES, *things.GIFTS, *things.MEDIA, *things.OWN_VEHICLES, *things.FRUIT,
                 *places.SERVICES[:3])
    if any(one.pt in PRAISE for one in noun.adjectives)
)  # fmt: skip


@frame(1300)
def dealing_with(draw: Draw) -> Phrase:
    """Vi a tua irmã na estação."""
    pt, link_pt, en, link_en, planned = draw.one(DEALINGS)
    person = draw.name() if draw.chance(0.35) else draw.kin()
    whom = joined((link_pt, link_en), person)._replace(words=(pt, *person.words))
    tense = draw.one(("preterite", "preterite", "future", "progressive")) if planned else "preterite"
    if tense == "preterite" and pt in MET and draw.chance(0.4):
        place = draw.one(places.SERVICES + places.STOPS + places.SIGHTS)
        rest = joined(whom, "em", ("", place.note), the(place))
    else:
        rest = joined(whom, draw.some(0.5, MOMENTS[tense]) or ("", ""))

    def write(subject: Phrase, **modes: bool) -> Phrase:
        if overlapping(subject, person):
            raise Unclear(person.pt)
        return clause(subject, Verb(pt, en), rest, tense, **modes)

    return stated_or_asked(draw, write, negated=0.15)


@frame(450)
def acquaintance(draw: Draw) -> Phrase:
    """Conheces o irmão da Maria?"""
    if draw.chance(0.3):
        city = draw.one(places.CITIES + places.COUNTRIES)
        known = Phrase(city.pt, city.en)
    else:
        known = draw.name() if draw.chance(0.3) else draw.kin()

    def write(subject: Phrase, **modes: bool) -> Phrase:
        if overlapping(subject, known):
            raise Unclear(known.pt)
        return clause(subject, Verb("conhecer", "know"), known, **modes)

    return stated_or_asked(draw, write, asked=0.6, negated=0.5)


@frame(1450)
def giving(draw: Draw) -> Phrase:
    """Dei um livro à minha irmã."""
    verb, gifts = draw.one(GIVING)
    noun, receiver = draw.one(gifts), draw.name() if draw.chance(0.35) else draw.kin()
    tense = draw.one(("preterite", "preterite", "future"))

    def write(subject: Phrase, **modes: bool) -> Phrase:
        if overlapping(subject, receiver):
            raise Unclear(receiver.pt)
        known = verb.pt in ("mostrar", "emprestar", "vender")
        gift = own_or_other(draw, noun, subject) if known else a(noun, draw.some(0.3, telling(noun)))
        rest = joined(gift._replace(words=(verb.pt, *gift.words)), ("a", "to"), receiver)
        return clause(subject, verb, rest, tense, **modes)

    return stated_or_asked(draw, write, asked=0.2, negated=0.15)


@frame(900)
def putting(draw: Draw) -> Phrase:
    """Pus as chaves na mesa."""
    verb, planned = draw.one(PUTTING)
    subject = draw.anyone()
    noun, furniture = draw.one(PORTABLE), draw.one(STORAGE)
    thing = own_or_other(draw, noun, subject)
    if draw.chance(0.65):
        where = joined("em", ("", furniture.note), the(furniture))
    else:
        pt, en = draw.one(INSIDE[:1] if furniture.note == "in" else BESIDE)
        where = joined((pt, en), the(furniture))
    tense = "future" if planned and verb.pt == "pôr" and draw.chance(0.35) else "preterite"
    thing = thing._replace(words=(verb.pt, *thing.words))
    return sentence(clause(subject, verb, joined(thing, where), tense, negative=draw.chance(0.1)))


@frame(400)
def left_behind(draw: Draw) -> Phrase:
    """Deixei o guarda-chuva no táxi."""
    where, thing = draw.one(LEFT_IN), draw.one(things.BELONGINGS + nouns_of("calças livro jornal revista"))
    preposition = where.note or ("in" if where.pt == "táxi" else "on")

    def write(subject: Phrase, **modes: bool) -> Phrase:
        left = own_or_other(draw, thing, subject)
        rest = joined(left._replace(words=("deixar", *left.words)), "em", ("", preposition), the(where))
        return clause(subject, LEAVE, rest, "preterite", **modes)

    return stated_or_asked(draw, write, asked=0.2, negated=0.1)


@frame(900)
def manner(draw: Draw) -> Phrase:
    """A minha avó cozinha muito bem."""
    pt, en, adverbs = draw.one(MANNERS)
    adverb = draw.one(adverbs.split())
    how = Phrase(adverb, ADVERBS[adverb], (pt, adverb))
    graded = adverb not in ("muito", "pouco") and draw.chance(0.35)
    if graded:
        how = how._replace(pt=f"muito {how.pt}", en=f"very {how.en}")
    if draw.chance(0.3):
        rest = joined(how, draw.one(times.PAST_TIMES[:4]))
        return stated_or_asked(
            draw,
            lambda subject, **modes: clause(subject, Verb(pt, en), rest, "preterite", dated=True, **modes),
            negated=0,
        )
    negated = 0.0 if graded else 0.2
    return stated_or_asked(draw, lambda subject, **modes: clause(subject, Verb(pt, en), how, **modes), negated=negated)


CHILDREN = tuple(one for one in people.FOLK if one.pt in ("criança", "rapaz", "rapariga", "aluno")) + tuple(
    one for one in people.KIN_IN_PLURAL if one.pt in ("filhos", "netos", "filhas")
)
PLAYGROUNDS = nouns_of("praça parque praia rua jardim sala quarto varanda")


@frame(300)
def children_play(draw: Draw) -> Phrase:
    """As crianças estão a brincar no jardim."""
    young = draw.one(CHILDREN)
    children = owned(draw.kin_owner(), young) if young.only_plural else the(young, plural=draw.chance(0.7))
    place = draw.one(PLAYGROUNDS)
    where = joined("em", ("", place.note), the(place))
    tense = draw.one(("progressive", "past progressive", "future", "preterite"))
    return sentence(clause(children, Verb("brincar", "play"), where._replace(words=("brincar", place.pt)), tense))


@frame(550)
def event(draw: Draw) -> Phrase:
    """A reunião começa às nove horas."""
    what = Phrase(*draw.one(EVENTS))
    hour, (day_pt, day_en) = joined(("a", "at"), draw.one(times.HOURS)), draw.one(times.WEEKDAYS)
    day = Phrase(f"em {day_pt}", f"on {day_en}")
    if draw.chance(0.5):
        verb = draw.one((Verb("começar", "begin"), Verb("acabar", "end")))
        return sentence(clause(what, verb, hour, "preterite" if draw.chance(0.3) else "present"))
    asked = draw.chance(0.2)
    return sentence(
        clause(what, BE, joined(day, hour if draw.chance(0.5) else ("", "")), question=asked), end="?" if asked else "."
    )


@frame(600)
def exclamation(draw: Draw) -> Phrase:
    """Que casa tão bonita!"""
    noun = draw.one(ADMIRED)
    adjective = draw.one([one for one in noun.adjectives if one.pt in PRAISE])
    plural = noun.only_plural or (not noun.mass and draw.chance(0.35))
    pt = noun.pt_plural if plural else noun.pt
    en = f"{adjective.en} {noun.en_plural}" if plural else a(noun, adjective).en
    return sentence(
        Phrase(f"que {pt} tão {adjective.forms[noun.gender, plural]}", f"what {en}", (noun.pt, adjective.pt)), end="!"
    )


@frame(800)
def have_thing(draw: Draw) -> Phrase:
    """Tens um lápis azul?"""
    noun = draw.one(things.BELONGINGS + things.OWN_VEHICLES + things.HOMES[:2] + things.LINEN + things.CLOTHES[:4])
    thing = a(noun, draw.some(0.5, telling(noun)))
    return stated_or_asked(
        draw, lambda subject, **modes: clause(subject, HAVE, thing, **modes), asked=0.35, negated=0.0
    )


@frame(600)
def need_thing(draw: Draw) -> Phrase:
    """Preciso de uma toalha limpa."""
    noun = draw.one(things.LINEN + things.TABLEWARE + things.BELONGINGS + things.CLOTHES)
    wanted = tuple(one for one in noun.adjectives if one.pt in WANTED)
    what = joined("de", a(noun, draw.some(0.5, wanted)))
    return stated_or_asked(draw, lambda subject, **modes: clause(subject, NEED, what, **modes), asked=0.3, negated=0.1)


@frame(len(FIXED))
def fixed(draw: Draw) -> Phrase:
    """Bom dia, como está?"""
    return Phrase(*draw.one(FIXED))
