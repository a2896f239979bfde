"""What things are like, whose they are, where they are."""

from transformer_tutorial.data.phrasebook import english
from transformer_tutorial.data.phrasebook.clause import BE, STAY, clause
from transformer_tutorial.data.phrasebook.draw import Draw
from transformer_tutorial.data.phrasebook.frames.registry import frame
from transformer_tutorial.data.phrasebook.lexicon import places, things
from transformer_tutorial.data.phrasebook.lexicon.actions import nouns_of
from transformer_tutorial.data.phrasebook.lexicon.times import numeral
from transformer_tutorial.data.phrasebook.phrase import (
    ARTICLES,
    HERS,
    HIS,
    MINE,
    OURS,
    THEIRS,
    YOURS,
    Owner,
    Phrase,
    a,
    agreeing,
    joined,
    owned,
    owner_of,
    sentence,
    the,
    this,
)
from transformer_tutorial.data.phrasebook.words import Adjective, Noun, listed

EDIBLE = things.FRUIT + things.VEGETABLES + things.STAPLES + things.DISHES + things.DRINKS
PERSONAL = things.CLOTHES + things.BELONGINGS + things.OWN_VEHICLES + things.READING
HOUSEHOLD = things.FURNITURE + things.FIXTURES + things.TABLEWARE + things.LINEN
PLACES = places.SERVICES + places.SIGHTS + places.STOPS + places.OUTDOORS
PORTABLE = things.BELONGINGS + things.READING + things.CLOTHES + things.POST[:1] + things.POST[2:] + things.GIFTS
DESCRIBED = tuple(
    noun
    for noun in (*EDIBLE, *PERSONAL, *HOUSEHOLD, *PLACES, *things.ROOMS, *things.HOMES, *things.PUBLIC_VEHICLES,
                 *things.MEDIA, *things.GIFTS, *things.POST, *things.MEDICINE)
    if noun.adjectives
)  # fmt: skip
OWNABLE = set(PERSONAL + things.HOMES + things.ROOMS + things.GIFTS)
COUNTABLE_TWICE = set(things.FRUIT + things.VEGETABLES)
DEGREES = (("muito", "very"), ("bastante", "quite"))
TOO = ("demasiado", "too")
# What a thing can be too much of.
EXCESS = listed(
    "caro grande pequeno comprido curto largo estreito lento difícil pesado quente frio salgado doce picante amargo"
    " barulhento escuro duro"
)
ABSOLUTE = listed("delicioso aberto fechado partido vazio cheio livre pronto redondo antigo caseiro maduro")
NATIONS = listed("português inglês francês italiano suíço alemão")
COLOURS = listed("branco preto vermelho azul verde amarelo castanho cinzento cor-de-rosa tinto")
COMPARED = listed("pequeno novo velho antigo caro barato bonito comprido elegante moderno famoso rápido confortável")
IDENTIFYING = COLOURS | NATIONS | listed("grande pequeno novo velho comprido curto redondo tinto grosso estreito")
# What one puts small things in or on, and where else they can be.
STORAGE = tuple(one for one in things.FURNITURE if one.pt != "frigorífico")
BESIDE = (("em cima de", "on top of"), ("debaixo de", "under"), ("ao lado de", "next to"), ("atrás de", "behind"))
INSIDE = (("dentro de", "inside"), ("atrás de", "behind"), ("ao lado de", "next to"))
POSSESSIVES = tuple(
    Owner(en, tuple(pt.split()))
    for en, pt in (
        ("mine", "meu minha meus minhas"),
        ("yours", "teu tua teus tuas"),
        ("ours", "nosso nossa nossos nossas"),
    )
)


def owner(draw: Draw) -> Owner:
    """Draws a possessor: mostly a pronoun, else somebody by name or kin."""
    if draw.chance(0.6):
        return draw.one((MINE, MINE, YOURS, YOURS, OURS, HIS, HERS, THEIRS))
    return owner_of(draw.name() if draw.chance(0.6) else draw.kin())


def determined(draw: Draw, noun: Noun, plural: bool = False, owners: bool = True) -> Phrase:
    """Draws "the", "this", "that" or, for what people own and with `owners`, a possessor for a noun."""
    kind = draw.number(0, 9)
    if kind < 4:
        return the(noun, plural)
    if kind < 7 or noun not in OWNABLE or not owners:
        return this(noun, plural, which="this" if draw.chance(0.7) else "that")
    return owned(owner(draw), noun, plural)


def degree(draw: Draw, adjective: str, share: float = 0.3) -> tuple[str, str]:
    """Draws "muito" and its like, where the adjective has degrees."""
    if adjective in ABSOLUTE | NATIONS | COLOURS or not draw.chance(share):
        return ("", "")
    return TOO if adjective in EXCESS and draw.chance(0.4) else draw.one(DEGREES)


@frame(3300)
def quality(draw: Draw) -> Phrase:
    """As janelas estão abertas."""
    noun = draw.one(DESCRIBED)
    adjective = draw.one(noun.adjectives)
    asked = draw.chance(0.2)
    plural = not noun.mass and (noun in COUNTABLE_TWICE or draw.chance(0.3))
    subject = determined(draw, noun, plural, owners=not asked)
    negative = not asked and draw.chance(0.25)
    predicate = joined(degree(draw, adjective.pt, 0.0 if negative else 0.3), agreeing(adjective, subject))
    copula = BE if adjective.copula == "ser" else STAY
    stated = clause(subject, copula, predicate, question=asked, negative=negative)
    return sentence(stated, end="?" if asked else ".")


@frame(800)
def things_compared(draw: Draw) -> Phrase:
    """O meu carro é mais rápido do que o teu."""
    noun = draw.one(PERSONAL + things.HOMES[:2] + things.ROOMS[2:3])
    compared = tuple(one for one in noun.adjectives if one.pt in COMPARED)
    if not compared:
        return things_compared(draw)
    adjective = draw.one(compared)
    plural = draw.chance(0.2)
    if draw.chance(0.5):
        subject, other = this(noun, plural, which="this"), this(noun, plural, which="that")
        other_pt = other.pt.split()[0]
        other_en = "those" if other.plural else "that one"
    else:
        mine, yours = draw.one(((MINE, 1), (YOURS, 0), (OURS, 1)))
        subject = owned(mine, noun, plural)
        other_pt = f"{ARTICLES[subject.gender, subject.plural]} {possessive(POSSESSIVES[yours], subject)}"
        other_en = POSSESSIVES[yours].en
    return more_than(subject, adjective, Phrase(other_pt, other_en))


@frame(500)
def kinds_compared(draw: Draw) -> Phrase:
    """O comboio é mais rápido do que o autocarro."""
    group = draw.one((things.PUBLIC_VEHICLES[:5], things.OWN_VEHICLES, places.SERVICES, places.SIGHTS, things.ROOMS))
    first, second = draw.one(group), draw.one(group)
    shared = tuple(one for one in first.adjectives if one in second.adjectives and one.pt in COMPARED)
    if first is second or not shared:
        return kinds_compared(draw)
    plural = group is things.OWN_VEHICLES and draw.chance(0.5)
    return more_than(the(first, plural), draw.one(shared), the(second, plural))


def more_than(subject: Phrase, adjective: Adjective, other: Phrase) -> Phrase:
    """Compares: "é mais rápido do que", "is faster than"."""
    more = Phrase(f"mais {agreeing(adjective, subject).pt}", english.comparative(adjective.en), (adjective.pt,))
    return sentence(clause(subject, BE, joined(more, ("do que", "than"), other)))


def possessive(owner: Owner, thing: Phrase) -> str:
    """Gives "meu", "minha", "meus" or "minhas" as it agrees with a thing."""
    return owner.pt[2 * thing.plural + (thing.gender == "f")]


@frame(600)
def belongs(draw: Draw) -> Phrase:
    """Este livro é da Maria."""
    noun = draw.one(PERSONAL + things.GIFTS + things.HOMES)
    subject = this(noun, draw.chance(0.2), which="this" if draw.chance(0.6) else "that")
    if draw.chance(0.4):
        whose = draw.one(POSSESSIVES)
        possessed = Phrase(possessive(whose, subject), whose.en)
    else:
        person = draw.name() if draw.chance(0.5) else draw.kin()
        possessed = Phrase(f"de {person.pt}", english.genitive(person.en, person.plural), person.words)
    asked = draw.chance(0.3)
    stated = clause(subject, BE, possessed, question=asked, negative=not asked and draw.chance(0.3))
    return sentence(stated, end="?" if asked else ".")


@frame(450)
def whose(draw: Draw) -> Phrase:
    """De quem são estas chaves?"""
    noun = draw.one(PERSONAL + things.GIFTS)
    subject = this(noun, draw.chance(0.3), draw.some(0.4, identifying(noun)), "this" if draw.chance(0.6) else "that")
    verb, en = ("são", "are") if subject.plural else ("é", "is")
    return sentence(Phrase(f"de quem {verb}", f"whose {en}"), subject, end="?")


def lasting(noun: Noun) -> tuple[Adjective, ...]:
    """The adjectives for what a thing is, not for the state it is in."""
    return tuple(adjective for adjective in noun.adjectives if adjective.copula == "ser")


def identifying(noun: Noun) -> tuple[Adjective, ...]:
    """The adjectives that pick one thing out of several of its kind: "the red one", "the small one"."""
    return tuple(adjective for adjective in noun.adjectives if adjective.pt in IDENTIFYING)


@frame(1000)
def whereabouts(draw: Draw) -> Phrase:
    """O livro da minha irmã está na mesa."""
    noun, furniture = draw.one(PORTABLE), draw.one(STORAGE)
    subject = owned(owner(draw), noun) if draw.chance(0.6) else the(noun, draw.chance(0.2))
    if draw.chance(0.5):
        where = joined("em", ("", furniture.note), the(furniture))
    else:
        where = joined(draw.one(INSIDE if furniture.note == "in" else BESIDE), the(furniture))
    asked = draw.chance(0.15)
    stated = clause(subject, STAY, where, question=asked, negative=not asked and draw.chance(0.2))
    return sentence(stated, end="?" if asked else ".")


@frame(600)
def where_is(draw: Draw) -> Phrase:
    """Onde está a minha mala?"""
    noun = draw.one(PORTABLE + things.TABLEWARE + things.LINEN + things.OWN_VEHICLES)
    plural = draw.chance(0.25)
    subject = (
        owned(owner(draw), noun, plural, draw.some(0.3, identifying(noun))) if draw.chance(0.7) else the(noun, plural)
    )
    pt, en = ("estão", "are") if subject.plural else ("está", "is")
    return sentence(Phrase(f"onde {pt}", f"where {en}"), subject, end="?")


IN_ROOM = {
    room: nouns_of(objects)
    for room, objects in (
        ("cozinha", "mesa cadeira frigorífico armário janela televisão porta prateleira"),
        ("sala", "sofá mesa cadeira televisão tapete quadro candeeiro janela porta"),
        ("quarto", "cama secretária armário candeeiro espelho janela quadro tapete cadeira"),
        ("casa de banho", "espelho janela armário cesto"),
        ("varanda", "mesa cadeira"),
        ("jardim", "mesa cadeira árvore lago"),
        ("garagem", "carro bicicleta mota armário caixa"),
        ("escritório", "secretária computador cadeira candeeiro prateleira janela armário"),
    )
}


@frame(550)
def in_the_room(draw: Draw) -> Phrase:
    """Há duas cadeiras na cozinha."""
    room = draw.one(things.ROOMS)
    thing = draw.one(IN_ROOM[room.pt])
    number = draw.number(1, 3)
    if number == 1:
        what = joined(("há", "there is"), a(thing, draw.some(0.4, lasting(thing))))
    else:
        pt, en = numeral(number, thing.gender)
        what = Phrase(f"há {pt} {thing.pt_plural}", f"there are {en} {thing.en_plural}", (thing.pt,))
    return sentence(what, "em", Phrase("", room.note), the(room))


@frame(450)
def what_colour(draw: Draw) -> Phrase:
    """De que cor é o teu carro?"""
    noun = draw.one(things.CLOTHES + things.OWN_VEHICLES + things.BELONGINGS[:5])
    subject = determined(draw, noun, draw.chance(0.25))
    pt, en = ("são", "are") if subject.plural else ("é", "is")
    return sentence(Phrase(f"de que cor {pt}", f"what colour {en}"), subject, end="?")
