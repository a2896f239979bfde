"""Who people are, how they feel, what they have, where they come from."""

from transformer_tutorial.data.phrasebook import english, portuguese
from transformer_tutorial.data.phrasebook.clause import BE, HAVE, STAY, clause
from transformer_tutorial.data.phrasebook.draw import YOU, YOU_ALL, Draw, dropped
from transformer_tutorial.data.phrasebook.frames.registry import frame, stated_or_asked
from transformer_tutorial.data.phrasebook.lexicon import adjectives, people, places, things, times
from transformer_tutorial.data.phrasebook.phrase import MINE, Phrase, a, agreeing, count, joined, owned, sentence, the
from transformer_tutorial.data.phrasebook.words import Adjective, Verb

LIVE, SPEAK, WORK, HAVE_AS_BE = (
    Verb(pt, en) for pt, en in (("morar", "live"), ("falar", "speak"), ("trabalhar", "work"), ("ter", "be"))
)
NEEDS = (
    ("fome", "hungry"), ("sede", "thirsty"), ("frio", "cold"), ("calor", "hot"), ("sono", "sleepy"),
    ("medo", "afraid"), ("razão", "right"), ("pressa", "in a hurry"),
)  # fmt: skip
DEGREES = (("muito", "very"), ("bastante", "quite"))
MUCH = {"fome": "muita", "sede": "muita", "frio": "muito", "calor": "muito", "sono": "muito", "medo": "muito"}
WITHOUT_DEGREE = {"sozinho", "pronto", "acordado"}


WORKPLACES = tuple(place for place in places.SERVICES if place.note == "at")


def described(draw: Draw, subject: Phrase, copula: Verb, adjective: Adjective, share: float, **modes: bool) -> Phrase:
    """Says what somebody is like; a share of plain statements has "very" or "quite"."""
    plain = modes.get("question") or modes.get("negative")
    degree = None if plain else draw.some(share, DEGREES)
    return clause(subject, copula, joined(degree or ("", ""), agreeing(adjective, subject)), **modes)


@frame(600)
def nationality(draw: Draw) -> Phrase:
    """Somos portugueses."""
    adjective = draw.one(adjectives.NATIONALITIES)
    return stated_or_asked(draw, lambda subject, **modes: clause(subject, BE, agreeing(adjective, subject), **modes))


@frame(900)
def trade(draw: Draw) -> Phrase:
    """A Maria é professora."""
    masculine, feminine, en, en_feminine = draw.one(people.TRADES)

    def write(subject: Phrase, **modes: bool) -> Phrase:
        noun, trade_en = (feminine, en_feminine) if subject.gender == "f" else (masculine, en)
        if subject.plural:
            rest = Phrase(portuguese.plural(noun), english.plural(trade_en), (masculine,))
        else:
            rest = Phrase(noun, english.with_article(trade_en), (masculine,))
        return clause(subject, BE, rest, **modes)

    return stated_or_asked(draw, write, folk=False)


@frame(600)
def workplace(draw: Draw) -> Phrase:
    """O meu pai trabalha num hospital."""
    place = draw.one(WORKPLACES)
    where = joined("em", ("", place.note), a(place, draw.some(0.25, place.adjectives)))
    return stated_or_asked(draw, lambda subject, **modes: clause(subject, WORK, where, **modes), folk=False)


@frame(1050)
def mood(draw: Draw) -> Phrase:
    """As raparigas estão cansadas."""
    adjective = draw.one(adjectives.MOODS)
    share = 0.0 if adjective.pt in WITHOUT_DEGREE else 0.35
    return stated_or_asked(draw, lambda subject, **modes: described(draw, subject, STAY, adjective, share, **modes))


@frame(1000)
def character(draw: Draw) -> Phrase:
    """O teu irmão é muito simpático."""
    adjective = draw.one(adjectives.CHARACTER + adjectives.FIGURE + adjectives.STATUS)
    share = 0.0 if adjective in adjectives.STATUS else 0.5
    return stated_or_asked(draw, lambda subject, **modes: described(draw, subject, BE, adjective, share, **modes))


COMPARED_FIGURE = tuple(one for one in adjectives.FIGURE if one.pt != "loiro")


@frame(600)
def people_compared(draw: Draw) -> Phrase:
    """A Ana é mais alta do que o João."""
    first, second = draw.third_person(), draw.name()
    while second.en in first.en:
        second = draw.name()
    adjective = draw.one(adjectives.CHARACTER + COMPARED_FIGURE)
    more = Phrase(f"mais {agreeing(adjective, first).pt}", english.comparative(adjective.en), (adjective.pt,))
    return sentence(clause(first, BE, joined(more, ("do que", "than"), second), negative=draw.chance(0.15)))


AGES = {"avô": (65, 99), "avó": (65, 99), "pai": (45, 75), "mãe": (45, 75)} | dict.fromkeys(
    ("neto", "neta", "sobrinho", "sobrinha", "filho", "filha"), (2, 20)
)


@frame(450)
def age(draw: Draw) -> Phrase:
    """O Pedro tem vinte anos."""
    subject = draw.name() if draw.chance(0.6) else owned(MINE, draw.one(people.KIN))
    generation = subject.words[0] if subject.words else ""
    low, high = AGES.get(generation, (18, 59))
    pt, en = times.numeral(draw.number(low, high), "m")
    return sentence(clause(subject, HAVE_AS_BE, Phrase(f"{pt} anos", f"{en} years old")))


@frame(600)
def need(draw: Draw) -> Phrase:
    """Tens fome?"""
    pt, en = draw.one(NEEDS)
    state = Phrase(pt, en)
    if draw.chance(0.25) and pt in MUCH:
        state = Phrase(f"{MUCH[pt]} {pt}", f"very {en}")
    return stated_or_asked(draw, lambda subject, **modes: clause(subject, HAVE_AS_BE, state, **modes))


@frame(600)
def relatives(draw: Draw) -> Phrase:
    """Tenho dois irmãos."""
    noun, number = draw.one(people.COUNTED_KIN), draw.number(0, 5)
    if number:
        many = a(noun) if number == 1 else count(number, noun)
        return sentence(clause(draw.adult(), HAVE, many))
    some = Phrase(noun.pt_plural, f"any {noun.en_plural}", (noun.pt,))
    asked = draw.chance(0.5)
    subject = dropped(YOU) if asked and draw.chance(0.5) else draw.adult()
    return sentence(clause(subject, HAVE, some, question=asked, negative=not asked), end="?" if asked else ".")


@frame(450)
def how_many_relatives(draw: Draw) -> Phrase:
    """Quantos primos é que a Ana tem?"""
    noun, subject = draw.one(people.COUNTED_KIN), draw.one((dropped(YOU), YOU_ALL, draw.name(), draw.couple()))
    many = Phrase("quantas" if noun.gender == "f" else "quantos", "how many")
    asked = clause(subject, HAVE, question=True)
    return sentence(many, Phrase(noun.pt_plural, noun.en_plural, (noun.pt,)), "é que", asked, end="?")


@frame(450)
def origin(draw: Draw) -> Phrase:
    """A minha mãe é de Lisboa."""
    place = draw.one(places.CITIES + places.COUNTRIES)
    whence = Phrase(f"de {place.pt}", f"from {place.en}")
    return stated_or_asked(draw, lambda subject, **modes: clause(subject, BE, whence, **modes))


NEIGHBOURHOOD = (
    *places.SIGHTS[:8],
    *places.STOPS[:2],
    *places.OUTDOORS[1:4],
    *places.OUTDOORS[6:],
    *places.SERVICES[:6],
)


@frame(650)
def home(draw: Draw) -> Phrase:
    """Moramos numa casa pequena."""
    if draw.chance(0.4):
        place = draw.one(places.CITIES + places.COUNTRIES)
        where = Phrase(f"em {place.pt}", f"in {place.en}")
    else:
        noun = draw.one(things.HOMES)
        house = a(noun, draw.some(0.7, noun.adjectives))
        near = [joined(("perto de", "near"), the(draw.one(NEIGHBOURHOOD)))] if draw.chance(0.4) else []
        where = joined("em", ("", noun.note), house, *near)
    return stated_or_asked(draw, lambda subject, **modes: clause(subject, LIVE, where, **modes), negated=0.15)


@frame(350)
def living_since(draw: Draw) -> Phrase:
    """O Rui mora em Braga há dois anos."""
    place, (pt, en) = draw.one(places.CITIES + places.COUNTRIES), draw.one(times.DURATIONS[4:])
    subject = draw.anyone()
    where = Phrase(f"em {place.pt} há {pt}", f"in {place.en} for {en}")
    had = clause(subject, LIVE, where, "perfect")
    return sentence(Phrase(clause(subject, LIVE, where, dated=True).pt, had.en, had.words))


@frame(600)
def language(draw: Draw) -> Phrase:
    """A Marta fala bem italiano."""
    (pt, en), (other_pt, other_en) = draw.one(people.LANGUAGES), draw.one(people.LANGUAGES)
    kind = draw.number(0, 4)
    spoken = Phrase(pt, en)
    if kind == 1 and other_pt != pt:
        spoken = Phrase(f"{pt} e {other_pt}", f"{en} and {other_en}")
    elif kind == 2:
        spoken = Phrase(f"um pouco de {pt}", f"a little {en}")
    elif kind > 2:
        how_pt, how_en = draw.one((("muito bem", "very well"), ("bem", "well")))
        spoken = Phrase(f"{how_pt} {pt}", f"{en} {how_en}")
    negated = 0.0 if kind in (1, 2) else 0.25
    return stated_or_asked(draw, lambda subject, **modes: clause(subject, SPEAK, spoken, **modes), negated=negated)


@frame(300)
def introduction(draw: Draw) -> Phrase:
    """Esta é a minha irmã."""
    asked = draw.chance(0.3)
    person = draw.kin(mine=not asked)
    pt = {("m", False): "este", ("f", False): "esta", ("m", True): "estes", ("f", True): "estas"}
    this = Phrase(pt[person.gender, person.plural], "these" if person.plural else "this", (), *person[3:])
    return sentence(clause(this, BE, person, question=asked), end="?" if asked else ".")


@frame(300)
def birthday(draw: Draw) -> Phrase:
    """O aniversário da Ana é em maio."""
    person = draw.name() if draw.chance(0.4) else owned(draw.kin_owner(), draw.one(people.KIN[:6]))
    pt, en = draw.one(times.MONTHS)
    whose = Phrase(
        f"o aniversário de {person.pt}", english.genitive(person.en, person.plural) + " birthday", person.words
    )
    return sentence(clause(whose, BE, Phrase(f"em {pt}", f"in {en}")))
