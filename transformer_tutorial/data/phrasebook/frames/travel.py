"""Going places: means of transport, tickets, timetables, holidays, hotels."""

from transformer_tutorial.data.phrasebook.clause import GO, NOTHING, STAY, Unclear, clause
from transformer_tutorial.data.phrasebook.draw import Draw
from transformer_tutorial.data.phrasebook.frames.registry import frame, stated_or_asked
from transformer_tutorial.data.phrasebook.lexicon import places, things, times
from transformer_tutorial.data.phrasebook.phrase import Phrase, joined, overlapping, sentence, the
from transformer_tutorial.data.phrasebook.words import Verb

RETURN, ARRIVE, LEAVE, BUY, SPEND, WAIT, LAST, COME = (
    Verb(pt, en)
    for pt, en in (
        ("voltar", "return"), ("chegar", "arrive"), ("sair", "leave"), ("comprar", "buy"), ("passar", "spend"),
        ("esperar", "wait"), ("demorar", "take"), ("vir", "come"),
    )
)  # fmt: skip
PLEASE = (", por favor", ", please")
MEANS = (
    ("de comboio", "by train"), ("de autocarro", "by bus"), ("de carro", "by car"), ("de avião", "by plane"),
    ("de barco", "by boat"),
)  # fmt: skip
SHORT_MEANS = (
    ("a pé", "on foot"), ("de bicicleta", "by bicycle"), ("de táxi", "by taxi"), ("de metro", "by underground"),
    ("de elétrico", "by tram"), *MEANS[1:3],
)  # fmt: skip
GOALS = tuple(
    place
    for place in places.SERVICES + places.SIGHTS + places.STOPS
    if place.pt not in ("ponte", "torre", "paragem de autocarro")
)
FAR = places.CITIES + places.COUNTRIES
TRAIN, BUS, PLANE = things.PUBLIC_VEHICLES[:3]
HOLIDAY_TIMES = (*times.LONG_AGO, ("no mês passado", "last month"), ("na semana passada", "last week"))
SPELLS = times.DURATIONS[:6]


def with_somebody(draw: Draw) -> Phrase:
    """Draws "com a tua mãe"."""
    person = draw.name() if draw.chance(0.4) else draw.kin()
    return joined(("com", "with"), person)


def going(subject: Phrase, rest: Phrase, **modes: bool) -> Phrase:
    """Says "vou", "I am going": the present of ir without a habit is what is under way or planned."""
    pt, en = clause(subject, GO, rest, **modes), clause(subject, GO, rest, "progressive", **modes)
    return pt._replace(en=en.en)


@frame(1200)
def go_to(draw: Draw) -> Phrase:
    """Vou ao mercado com a tua mãe."""
    place, kind = the(draw.one(GOALS)), draw.number(0, 2)
    extra = with_somebody(draw) if kind == 0 else joined(draw.one(SHORT_MEANS)) if kind == 1 else NOTHING
    when = draw.some(0.35, times.FUTURE_TIMES) or ("", "")
    rest = joined(("a", "to"), place, extra, when)
    return stated_or_asked(draw, lambda subject, **modes: going(subject, rest, **modes), negated=0.2)


@frame(800)
def travel_to(draw: Draw) -> Phrase:
    """Vamos a Lisboa de comboio."""
    place = draw.one(FAR)
    means = draw.one(MEANS[3:] if place.overseas else MEANS[:4])
    when = draw.some(0.4, times.FUTURE_TIMES) or ("", "")
    rest = joined((f"a {place.pt}", f"to {place.en}"), means, when)
    return stated_or_asked(draw, lambda subject, **modes: going(subject, rest, **modes), negated=0.1)


@frame(1000)
def went_to(draw: Draw) -> Phrase:
    """No verão passado fomos a Espanha."""
    asked = draw.chance(0.2)
    subject = draw.asked() if asked else draw.anyone()
    if draw.chance(0.5):
        place = draw.one(FAR)
        goal, moments = Phrase(f"a {place.pt}", f"to {place.en}"), HOLIDAY_TIMES
    else:
        goal, moments = joined(("a", "to"), the(draw.one(GOALS))), times.PAST_TIMES
    extra = with_somebody(draw) if draw.chance(0.35) else Phrase("", "")
    told = clause(subject, GO, joined(goal, extra), "preterite", question=asked, dated=True)
    when = draw.one(moments)
    return sentence(when, told) if not asked and draw.chance(0.4) else sentence(told, when, end="?" if asked else ".")


@frame(400)
def habitually_go(draw: Draw) -> Phrase:
    """Aos sábados vamos à praia."""
    subject = draw.anyone()
    rest = joined(("a", "to"), the(draw.one(GOALS)), draw.some(0.3, SHORT_MEANS) or ("", ""))
    told = clause(subject, GO, rest, dated=True)
    when = draw.one(times.HABIT_TIMES)
    return sentence(when, told) if draw.chance(0.35) else sentence(told, when)


@frame(650)
def come_back(draw: Draw) -> Phrase:
    """O meu pai voltou do Porto ontem."""
    place, verb, past = draw.one(FAR), draw.one((RETURN, ARRIVE)), draw.chance(0.5)
    when = draw.one(times.PAST_TIMES if past else times.FUTURE_TIMES)
    rest = joined(Phrase(f"de {place.pt}", f"from {place.en}", (verb.pt,)), when)
    tense = "preterite" if past else "future"
    return stated_or_asked(
        draw, lambda subject, **modes: clause(subject, verb, rest, tense, dated=True, **modes), asked=0.2, negated=0.0
    )


@frame(650)
def tickets(draw: Draw) -> Phrase:
    """Comprei três bilhetes para o Porto."""
    place, number = draw.one(FAR), draw.number(1, 6)
    pt, en = times.numeral(number, "m")
    what = Phrase("um bilhete", "a ticket") if number == 1 else Phrase(f"{pt} bilhetes", f"{en} tickets")
    kind = draw.some(0.35, (("de ida e volta", "return"), ("de ida", "single")))
    if kind:
        noun_en = what.en.rsplit(" ", 1)
        what = Phrase(f"{what.pt} {kind[0]}", f"{noun_en[0]} {kind[1]} {noun_en[1]}")
    goal = (f"para {place.pt}", f"to {place.en}")
    if draw.chance(0.4):
        return sentence(("queria", "I would like"), what, goal, PLEASE)
    return sentence(clause(draw.anyone(), BUY, joined(what, goal), draw.one(("preterite", "future"))))


@frame(1000)
def departure(draw: Draw) -> Phrase:
    """O comboio para Faro sai às três horas."""
    place = draw.one(places.CITIES + places.COUNTRIES[1:])
    vehicle = PLANE if place.overseas else draw.one((TRAIN, TRAIN, BUS))
    leaving = draw.chance(0.6)
    link = ("para", "to") if leaving else ("de", "from")
    verb = LEAVE if leaving else ARRIVE
    which = joined(the(vehicle), (f"{link[0]} {place.pt}", f"{link[1]} {place.en}"))
    kind = draw.number(0, 4)
    if kind == 0:
        told = clause(which, verb, question=True)
        return sentence(
            Phrase(f"a que horas {'sai' if leaving else 'chega'} {which.pt}", f"what time {told.en}"), end="?"
        )
    if kind == 1:
        return sentence(clause(which, verb, joined(draw.one(times.FUTURE_TIMES[:2])), "future"))
    hour = draw.one(times.HOURS)
    late = draw.chance(0.2)
    told = clause(
        which, verb, joined(("a", "at"), hour), "preterite" if late else "present", negative=draw.chance(0.15)
    )
    return sentence(told)


@frame(350)
def platform(draw: Draw) -> Phrase:
    """De que linha sai o comboio para Coimbra?"""
    place = draw.one(places.CITIES[:8])
    vehicle = draw.one((("linha", "platform", "o comboio", "the train"), ("paragem", "stop", "o autocarro", "the bus")))
    stop_pt, stop_en, pt, en = vehicle
    if draw.chance(0.3):
        return sentence(
            (f"de que {stop_pt} sai {pt} para {place.pt}", f"which {stop_en} does {en} to {place.en} leave from"),
            end="?",
        )
    number_pt, number_en = times.numeral(draw.number(1, 12), "m")
    told = (
        f"{pt} para {place.pt} sai da {stop_pt} {number_pt}",
        f"{en} to {place.en} leaves from {stop_en} {number_en}",
    )
    return sentence(told)


@frame(450)
def journey(draw: Draw) -> Phrase:
    """A viagem de Lisboa ao Porto demora três horas."""
    start, goal = draw.two(places.CITIES[:8])
    pt, en = times.numeral(draw.number(2, 4), "f")
    means = draw.some(0.5, MEANS[:3]) or ("", "")
    way = joined((f"a viagem de {start.pt} a {goal.pt}", f"the journey from {start.en} to {goal.en}"), means)
    if draw.chance(0.25):
        asked = clause(way, LAST, question=True)
        return sentence(Phrase(f"quanto tempo demora {way.pt}", f"how long {asked.en}"), end="?")
    return sentence(clause(way, LAST, Phrase(f"{pt} horas", f"{en} hours")))


@frame(450)
def wait_for(draw: Draw) -> Phrase:
    """Estou à espera do autocarro."""
    awaited = (the(draw.one(things.PUBLIC_VEHICLES)), draw.name(), draw.kin(mine=False))[draw.number(0, 2)]

    def write(subject: Phrase, **modes: bool) -> Phrase:
        if overlapping(subject, awaited):
            raise Unclear(awaited.pt)
        told = clause(subject, STAY, joined(("à espera de", ""), awaited), **modes)
        return told._replace(en=clause(subject, WAIT, joined(("", "for"), awaited), "progressive", **modes).en)

    return stated_or_asked(draw, write, negated=0.15)


@frame(600)
def holidays(draw: Draw) -> Phrase:
    """Passámos uma semana em Itália."""
    place, (pt, en) = draw.one(FAR), draw.one(SPELLS)
    where = (f"em {place.pt}", f"in {place.en}")
    if draw.chance(0.4):
        return sentence(clause(draw.anyone(), SPEND, joined((pt, en), where), "future"))
    told = clause(draw.anyone(), SPEND, joined((pt, en), where), "preterite", dated=True)
    return sentence(told, draw.some(0.5, HOLIDAY_TIMES[:5]) or ("", ""))


ROOM_WISHES = (
    ("queria um quarto", "I would like a room"), ("queria reservar um quarto", "I would like to book a room"),
    ("tem um quarto livre", "do you have a free room"), ("reservei um quarto", "I booked a room"),
)  # fmt: skip


@frame(450)
def hotel_room(draw: Draw) -> Phrase:
    """Queria um quarto com vista para o mar."""
    number, nights = draw.number(1, 2), draw.number(1, 7)
    pt, en = times.numeral(nights, "f")
    stay = (f"para {pt} noites", f"for {en} nights") if nights > 1 else ("para uma noite", "for one night")
    people_pt, people_en = times.numeral(number + 1, "f")
    extra = draw.one((
        ("com vista para o mar", "with a view of the sea"), ("com varanda", "with a balcony"),
        ("com casa de banho", "with a bathroom"), ("com pequeno-almoço", "with breakfast"),
        (f"para {people_pt} pessoas", f"for {people_en} people"), ("", ""),
    ))  # fmt: skip
    wish = draw.one(ROOM_WISHES)
    return sentence(wish, extra, stay, end="?" if wish[0].startswith("tem") else ".")


TABLE_WISHES = (
    ("queria uma mesa", "I would like a table"), ("queria reservar uma mesa", "I would like to book a table"),
    ("reservei uma mesa", "I booked a table"), ("tem uma mesa livre", "do you have a free table"),
)  # fmt: skip


@frame(350)
def table_for(draw: Draw) -> Phrase:
    """Queria reservar uma mesa para duas pessoas às oito horas."""
    pt, en = times.numeral(draw.number(2, 9), "f")
    hour = joined(("a", "at"), times.clock(draw.one((12, 1, 2, 7, 8, 9)), draw.number(0, 2)))
    day = joined(("para", "for"), draw.one(times.FUTURE_TIMES[:4]))
    when = draw.one((hour, day, NOTHING))
    wish = draw.one(TABLE_WISHES)
    people = (f"para {pt} pessoas", f"for {en} people")
    return sentence(wish, people, when, end="?" if wish[0].startswith("tem") else ".")
