"""Finding one's way: what there is, where it is, when it opens."""

from transformer_tutorial.data.phrasebook.clause import HAVE, clause
from transformer_tutorial.data.phrasebook.draw import ME, Draw, dropped
from transformer_tutorial.data.phrasebook.frames.registry import frame
from transformer_tutorial.data.phrasebook.lexicon import places, things, times
from transformer_tutorial.data.phrasebook.lexicon.actions import nouns_of
from transformer_tutorial.data.phrasebook.phrase import Phrase, a, count, joined, sentence, the
from transformer_tutorial.data.phrasebook.words import Adjective, Noun, Verb

LIE, OPEN, CLOSE, REACH = (
    Verb(pt, en) for pt, en in (("ficar", "be"), ("abrir", "open"), ("fechar", "close"), ("chegar", "get"))
)
BUILDINGS = places.SERVICES + places.SIGHTS[:7] + places.STOPS
KEEPING_HOURS = tuple(place for place in places.SERVICES if place.pt not in ("hotel", "hospital", "universidade"))
NEAR = (
    ("perto de", "near"), ("ao lado de", "next to"), ("em frente de", "opposite"), ("atrás de", "behind"),
    ("longe de", "far from"),
)  # fmt: skip
TURNS = (("à esquerda", "left"), ("à direita", "right"))
SIDES = (("à esquerda de", "to the left of"), ("à direita de", "to the right of"))
STATES = {"aberto", "fechado", "cheio", "vazio", "livre"}


def kinds_of(place: Noun) -> tuple[Adjective, ...]:
    """The adjectives for "a ... one", without what every place of the kind is."""
    return tuple(one for one in place.adjectives if one.copula == "ser")


@frame(800)
def there_is(draw: Draw) -> Phrase:
    """Há uma farmácia perto da estação."""
    first, second = draw.two(BUILDINGS)
    what = a(first, draw.some(0.35, kinds_of(first)))
    pt, en = draw.one(NEAR[:4])
    asked = draw.chance(0.25)
    return sentence(
        Phrase("há", "is there" if asked else "there is"), what, (pt, en), the(second), end="?" if asked else "."
    )


HEREABOUTS = (
    ("perto daqui", "near here"), ("por aqui", "around here"), ("nesta cidade", "in this city"),
    ("no centro da cidade", "in the city centre"), ("nesta rua", "in this street"),
)  # fmt: skip


@frame(350)
def is_there_near_here(draw: Draw) -> Phrase:
    """Há um bom restaurante perto daqui?"""
    place = draw.one(BUILDINGS)
    there = draw.one(HEREABOUTS if place in places.SERVICES else HEREABOUTS[:4])
    return sentence(("há", "is there"), a(place, draw.some(0.5, kinds_of(place))), there, end="?")


@frame(850)
def place_beside(draw: Draw) -> Phrase:
    """O hotel fica ao lado do museu."""
    first, second = draw.two(BUILDINGS)
    asked = draw.chance(0.2)
    where = joined(draw.one(NEAR + SIDES), the(second))
    subject = the(first, adjective=draw.some(0.2, kinds_of(first)))
    told = clause(subject, LIE, where, question=asked, negative=not asked and draw.chance(0.2))
    return sentence(told, end="?" if asked else ".")


@frame(350)
def where_lies(draw: Draw) -> Phrase:
    """Onde fica o museu?"""
    place = draw.one(BUILDINGS)
    kind = draw.number(0, 3)
    what = the(place, adjective=draw.some(0.4, kinds_of(place)))
    if kind == 0:
        return sentence(("sabes onde fica", "do you know where"), what, ("", "is"), end="?")
    if kind == 1:
        return sentence(("pode dizer-me onde fica", "can you tell me where"), what, ("", "is"), end="?")
    if kind == 2:
        return sentence(clause(dropped(ME), Verb("procurar", "look for"), what, "progressive"))
    return sentence(("onde fica", "where is"), what, end="?")


@frame(400)
def way_to(draw: Draw) -> Phrase:
    """Como é que chego ao castelo?"""
    start, goal = draw.two(BUILDINGS)
    if draw.chance(0.5):
        asked = clause(dropped(ME), REACH, joined(("a", "to"), the(goal)), question=True)
    else:
        way = joined(("de", "from"), the(start), ("para", "to"), the(goal))
        asked = clause(dropped(ME), Verb("ir", "get"), way, question=True)
    return sentence(("como é que", "how"), asked, end="?")


@frame(600)
def directions(draw: Draw) -> Phrase:
    """Vire à esquerda depois da igreja."""
    landmark = the(draw.one(BUILDINGS + places.OUTDOORS[1:2]))
    pt, en = draw.one(TURNS)
    when = draw.one((("depois de", "after"), ("antes de", "before"), ("em frente de", "opposite")))
    turn = joined((f"vire {pt}", f"turn {en}"), when, landmark)
    kind = draw.number(0, 3)
    if kind == 0:
        return sentence(("siga em frente até a", "go straight on to"), landmark)
    if kind == 1:
        until = joined(("siga em frente até a", "go straight on to"), landmark)
        return sentence(until, (f"e vire {pt}", f"and turn {en}"))
    if kind == 2:
        return sentence(turn)
    target = the(draw.one(BUILDINGS))
    return sentence(turn, ("para chegar a", "to get to"), target) if target != landmark else sentence(turn)


@frame(600)
def distance(draw: Draw) -> Phrase:
    """O museu fica a dez minutos da estação."""
    first, second = draw.two(BUILDINGS)
    number = draw.one((2, 3, 5, 10, 15, 20))
    unit = draw.one((("minutos", "minutes"), ("minutos a pé", "minutes on foot"), ("quilómetros", "kilometres")))
    pt, en = times.numeral(number, "m")
    far = joined((f"a {pt} {unit[0]} de", f"{en} {unit[1]} from"), the(second))
    return sentence(clause(the(first), LIE, far))


@frame(600)
def opening_hours(draw: Draw) -> Phrase:
    """O museu abre às nove horas."""
    place, verb = draw.one(KEEPING_HOURS), draw.one((OPEN, CLOSE))
    if draw.chance(0.25):
        return sentence(("a que horas", "what time"), joined(_opens(place, verb)), end="?")
    day = draw.some(0.4, times.WEEKDAYS)
    weekday = (
        Phrase(f"a {day[0]}".replace("a a ", "à ").replace("a o ", "ao "), f"on {day[1]}s") if day else Phrase("", "")
    )
    hour = times.clock(draw.one((7, 8, 9, 10) if verb is OPEN else (5, 6, 7, 8, 9, 11)), draw.number(0, 2))
    when = joined(("a", "at"), hour, weekday)
    return sentence(clause(the(place), verb, when._replace(words=(verb.pt,))))


def _opens(place: Noun, verb: Verb) -> Phrase:
    asked = clause(the(place), verb, question=True)
    return Phrase(f"{'abre' if verb is OPEN else 'fecha'} {the(place).pt}", asked.en, (*asked.words, verb.pt))


@frame(300)
def closing_day(draw: Draw) -> Phrase:
    """A biblioteca não abre ao domingo."""
    place, (pt, en) = draw.one(KEEPING_HOURS), draw.one(times.WEEKDAYS)
    asked = draw.chance(0.3)
    when = Phrase(f"a {pt}", f"on {en}s", ("abrir",))
    return sentence(clause(the(place), OPEN, when, question=asked, negative=not asked), end="?" if asked else ".")


@frame(800)
def place_has(draw: Draw) -> Phrase:
    """A aldeia tem uma igreja antiga."""
    if draw.chance(0.5):
        where, what = draw.one(TOWNS), draw.one(places.SIGHTS[:7] + places.SERVICES[:15])
    else:
        where = draw.one(things.HOMES[:2] + places.SERVICES[:1])
        what = draw.one(things.ROOMS if where in things.HOMES else IN_HOTEL)
    number = (
        draw.number(1, 3)
        if what.pt in ("quarto", "varanda", "museu", "igreja", "hotel", "casa de banho", "restaurante")
        else 1
    )
    adjective = draw.some(0.6, kinds_of(what))
    had = a(what, adjective) if number == 1 else count(number, what, adjective)
    asked = number == 1 and draw.chance(0.2)
    subject = the(where, adjective=draw.some(0.2, kinds_of(where)))
    told = clause(subject, HAVE, had, question=asked, negative=number == 1 and not asked and draw.chance(0.2))
    return sentence(told, end="?" if asked else ".")


TOWNS = tuple(place for place in places.SIGHTS if place.pt in ("aldeia", "cidade", "ilha"))
IN_HOTEL = nouns_of("piscina restaurante ginásio jardim elevador varanda quarto")
