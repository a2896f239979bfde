"""Eating out, ordering, shopping."""

from transformer_tutorial.data.phrasebook.clause import WANT, clause
from transformer_tutorial.data.phrasebook.draw import Draw
from transformer_tutorial.data.phrasebook.frames.registry import frame
from transformer_tutorial.data.phrasebook.frames.things import COUNTABLE_TWICE, identifying
from transformer_tutorial.data.phrasebook.lexicon import places, things, times
from transformer_tutorial.data.phrasebook.lexicon.actions import nouns_of
from transformer_tutorial.data.phrasebook.phrase import Phrase, a, bare, count, joined, sentence, the, this
from transformer_tutorial.data.phrasebook.words import Noun, Verb

BUY, EAT, DRINK, COST = (
    Verb(pt, en) for pt, en in (("comprar", "buy"), ("comer", "eat"), ("beber", "drink"), ("custar", "cost"))
)
PLEASE = (", por favor", ", please")
SERVED = things.DISHES + nouns_of("café cerveja")
SOLD = {shop: nouns_of(goods) for shop, goods in places.STOCK.items()}
HELD = {box.pt: nouns_of(goods) for box, goods in ((box, things.CONTENTS[box.pt]) for box in things.CONTAINERS)}
ON_TABLE = tuple(box for box in things.CONTAINERS if box.pt in ("copo", "chávena", "garrafa", "fatia"))
IN_SHOP = tuple(box for box in things.CONTAINERS if box.pt in ("garrafa", "quilo", "pacote", "litro"))
MEAL_TIMES = (("a o pequeno-almoço", "for breakfast"), ("a o almoço", "for lunch"), ("a o jantar", "for dinner"))
EATEN_AT = {
    "a o pequeno-almoço": "pão queijo fruta ovo manteiga mel laranja bolacha",
    "a o almoço": "sopa salada peixe carne frango bacalhau massa arroz omelete sandes",
    "a o jantar": "sopa salada peixe carne frango bacalhau massa pizza bife arroz",
}
MEALS_OF_THE_DAY = (
    ("almoçar", "", "have lunch", (12, 1, 2)),
    ("jantar", "", "have dinner", (7, 8, 9)),
    ("tomar", "o pequeno-almoço", "have breakfast", (7, 8, 9)),
)


def portion(draw: Draw, boxes: tuple[Noun, ...]) -> Phrase:
    """Draws "um copo de água", "duas fatias de bolo"."""
    box = draw.one(boxes)
    content = bare(draw.one(HELD[box.pt]))
    number = draw.one((1, 1, 1, 2, 3))
    held = a(box) if number == 1 else count(number, box)
    return joined(held, ("de", "of"), content)


def helping(draw: Draw) -> Phrase:
    """Draws what is ordered by the piece: a dish, some of them, or a portion."""
    if draw.chance(0.45):
        return portion(draw, ON_TABLE)
    noun = draw.one(SERVED)
    number = draw.one((1, 1, 2, 3))
    taste = tuple(
        one for one in noun.adjectives if one.pt in ("quente", "frio", "picante", "grande", "pequeno", "doce")
    )
    return a(noun, draw.some(0.25, taste)) if number == 1 else count(number, noun)


@frame(1000)
def order(draw: Draw) -> Phrase:
    """Queria um café, por favor."""
    kind, what = draw.number(0, 3), helping(draw)
    if draw.chance(0.3):
        what = joined(what, ("e", "and"), helping(draw))
    if kind == 0:
        return sentence(("para mim,", "for me,"), what, PLEASE)
    if kind == 1:
        return sentence(what, PLEASE)
    return sentence(("queria", "I would like"), what, PLEASE)


UNASKED = {"velho", "feio", "caro", "delicioso", "aborrecido", "difícil", "famoso", "importante", "triste"}


@frame(600)
def shop_request(draw: Draw) -> Phrase:
    """Tem sapatos pretos?"""
    noun = draw.one(things.CLOTHES + things.WARES + things.FRUIT + things.STAPLES)
    shown = tuple(one for one in noun.adjectives if one.copula == "ser" and one.pt not in UNASKED)
    what = bare(noun, draw.some(0.65, shown))
    if draw.chance(0.5):
        return sentence(("tem", "do you have"), what, end="?")
    return sentence(("desculpe, tem", "excuse me, do you have"), what, end="?")


@frame(600)
def bring_me(draw: Draw) -> Phrase:
    """Pode trazer uma garrafa de água, por favor?"""
    what = helping(draw) if draw.chance(0.8) else the(draw.one(things.TABLEWARE[:5]))
    return sentence(("pode trazer", "can you bring"), what, PLEASE, end="?")


@frame(600)
def wants_at_table(draw: Draw) -> Phrase:
    """Queres um copo de vinho?"""
    what = helping(draw)
    if draw.chance(0.5):
        return sentence(clause(draw.asked(), WANT, what, question=True), end="?")
    return sentence(clause(draw.anyone(), WANT, what, negative=draw.chance(0.25)))


@frame(600)
def bought_amount(draw: Draw) -> Phrase:
    """Comprei dois quilos de batatas."""
    what = portion(draw, IN_SHOP)
    if draw.chance(0.5):
        return sentence(clause(draw.anyone(), BUY, what, "preterite", dated=True), draw.one(times.PAST_TIMES[:4]))
    return sentence(("preciso de", "I need"), what)


@frame(600)
def bought_at(draw: Draw) -> Phrase:
    """Compro sempre o pão na padaria."""
    shop, goods = stocked(draw)
    where = joined("em", ("", "at"), the(shop))
    kind = draw.number(0, 2)
    if kind == 0:
        return sentence(clause(draw.anyone(), BUY, joined(bare(goods), where), dated=True), draw.one(times.HABIT_TIMES))
    if kind == 1:
        return sentence(clause(draw.anyone(), BUY, joined(bare(goods), where), "preterite", dated=True),
                        draw.one(times.PAST_TIMES))  # fmt: skip
    return sentence(clause(draw.anyone(), BUY, joined(bare(goods), where), "future"))


def stocked(draw: Draw) -> tuple[Noun, Noun]:
    """Draws a shop and something it sells."""
    shop = places.PLACE[draw.one(tuple(SOLD))]
    return shop, draw.one(SOLD[shop.pt])


@frame(400)
def where_to_buy(draw: Draw) -> Phrase:
    """Onde é que posso comprar fruta?"""
    _, goods = stocked(draw)
    shown = tuple(
        one for one in goods.adjectives if one.pt in ("fresco", "barato", "português", "bom", "novo", "bonito")
    )
    what = bare(goods, draw.some(0.4, shown))
    return sentence(("onde é que posso comprar", "where can I buy"), what, end="?")


@frame(800)
def at_meals(draw: Draw) -> Phrase:
    """Ao almoço comemos sopa."""
    pt, en = draw.one(MEAL_TIMES)
    if draw.chance(0.3):
        verb, what = DRINK, bare(draw.one(nouns_of("água leite café chá vinho cerveja sumo_de_laranja")))
    else:
        verb, what = EAT, bare(draw.one(nouns_of(EATEN_AT[pt])))
    what = what._replace(words=(verb.pt, *what.words))
    kind = draw.number(0, 3)
    if kind == 0:
        return sentence(clause(draw.asked(), verb, joined(what, (pt, en)), question=True), end="?")
    if kind == 1:
        return sentence(clause(draw.anyone(), verb, joined(what, (pt, en)), "future"))
    if kind == 2:
        told = clause(draw.anyone(), verb, joined(what, (pt, en)), "preterite", dated=True)
        return sentence(("ontem", "yesterday"), told)
    return sentence(clause(draw.anyone(), verb, joined(what, (pt, en)), adverb=("nunca", "never")))


@frame(600)
def mealtime(draw: Draw) -> Phrase:
    """Jantamos às oito horas."""
    verb, meal, en, hours = draw.one(MEALS_OF_THE_DAY)
    hour = times.clock(draw.one(hours), draw.number(0, 2))
    when = joined((meal, ""), ("a", "at"), hour)._replace(words=(verb,))
    if draw.chance(0.5):
        return sentence(clause(draw.anyone(), Verb(verb, en), when, "future"))
    return sentence(clause(draw.anyone(), Verb(verb, en), when))


# What is for sale, and what it costs, in euros.
PRICED = (
    (things.FRUIT + things.VEGETABLES, 2, 5), (things.STAPLES, 2, 12), (things.DISHES + things.DRINKS, 2, 15),
    (things.CLOTHES, 10, 60), (things.GIFTS, 10, 60), (things.FURNITURE, 30, 99),
    (things.TABLEWARE + things.LINEN, 3, 25), (nouns_of("livro romance revista mapa dicionário"), 3, 25),
    (nouns_of("caneta lápis caderno bola jornal"), 2, 6),
    (nouns_of("mala mochila carteira relógio telemóvel guarda-chuva"), 15, 99),
)  # fmt: skip


@frame(850)
def price(draw: Draw) -> Phrase:
    """Quanto custam as maçãs?"""
    nouns, low, high = draw.one(PRICED)
    noun = draw.one(nouns)
    plural = not noun.mass and (noun in COUNTABLE_TWICE or draw.chance(0.25))
    adjective = draw.some(0.35, identifying(noun))
    subject = the(noun, plural, adjective) if draw.chance(0.5) else this(noun, plural, adjective)
    if draw.chance(0.6):
        asked = clause(subject, COST, question=True)
        custa = "custam" if subject.plural else "custa"
        return sentence(Phrase(f"quanto {custa} {subject.pt}", f"how much {asked.en}", asked.words), end="?")
    pt, en = times.numeral(draw.number(low, high), "m")
    return sentence(clause(subject, COST, Phrase(f"{pt} euros", f"{en} euros")))
