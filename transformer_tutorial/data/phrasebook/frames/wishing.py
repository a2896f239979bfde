"""What people want, can, must, like and prefer; requests."""

from transformer_tutorial.data.phrasebook.clause import CAN, HAVE, WANT, clause
from transformer_tutorial.data.phrasebook.draw import ME, Draw, dropped
from transformer_tutorial.data.phrasebook.frames.deeds import action, object_of, pastime, routine
from transformer_tutorial.data.phrasebook.frames.registry import frame, stated_or_asked
from transformer_tutorial.data.phrasebook.lexicon import things, times
from transformer_tutorial.data.phrasebook.lexicon.actions import ACTIONS
from transformer_tutorial.data.phrasebook.phrase import Phrase, bare, joined, sentence, this
from transformer_tutorial.data.phrasebook.portuguese import polite_imperative
from transformer_tutorial.data.phrasebook.words import Verb, listed

NEED, LIKE, PREFER, LOVE = (
    Verb("precisar", "need"),
    Verb("gostar", "like"),
    Verb("preferir", "prefer"),
    Verb("adorar", "love"),
)
LIKED = things.FRUIT + things.VEGETABLES + things.STAPLES + things.DISHES + things.DRINKS


def verb_phrase(verb: Verb, rest: Phrase, link_pt: str = "", link_en: str = "to") -> Phrase:
    """Gives an action as the complement of another verb: "de comprar pão", "to buy bread"."""
    return Phrase(f"{link_pt} {verb.pt} {rest.pt}".strip(), f"{link_en} {verb.en} {rest.en}".strip(), rest.words)


def with_action(draw: Draw, matrix: Verb, link_pt: str, link_en: str) -> Phrase:
    """Makes a statement, negation or question out of "want to", "can" and their like with an action."""
    when = draw.some(0.1, times.FUTURE_TIMES[:6]) or ("", "")

    def write(subject: Phrase, **modes: bool) -> Phrase:
        wished = verb_phrase(*action(draw, subject), link_pt, link_en)
        return clause(subject, matrix, joined(wished, when), dated=True, **modes)

    return stated_or_asked(draw, write, asked=0.35)


@frame(1450)
def want_to(draw: Draw) -> Phrase:
    """Quero visitar o castelo."""
    return with_action(draw, WANT, "", "to")


@frame(1050)
def can(draw: Draw) -> Phrase:
    """Podes abrir a janela?"""
    return with_action(draw, CAN, "", "")


@frame(1050)
def have_to(draw: Draw) -> Phrase:
    """Tenho de lavar o carro."""
    return with_action(draw, HAVE, "de", "to")


@frame(800)
def need_to(draw: Draw) -> Phrase:
    """Precisamos de comprar leite."""
    return with_action(draw, NEED, "de", "to")


@frame(850)
def like_doing(draw: Draw) -> Phrase:
    """A Clara gosta de nadar no mar."""
    liked = verb_phrase(*routine(draw), "de", "to")
    return stated_or_asked(draw, lambda subject, **modes: clause(subject, LIKE, liked, **modes), asked=0.3)


TASTES = listed("doce salgado amargo picante maduro verde fresco quente frio tinto branco caseiro português italiano")


@frame(1000)
def like(draw: Draw) -> Phrase:
    """Gosto muito de maçãs."""
    noun = draw.one(LIKED)
    adjective = draw.some(0.3, [one for one in noun.adjectives if one.pt in TASTES])
    what = bare(noun, adjective) if draw.chance(0.7) else this(noun, adjective=adjective)
    if draw.chance(0.2):
        return sentence(clause(draw.anyone(), LIKE, joined("muito de", what, ("", "very much"))))
    return stated_or_asked(draw, lambda subject, **modes: clause(subject, LIKE, joined("de", what), **modes), asked=0.3)


@frame(550)
def prefer(draw: Draw) -> Phrase:
    """Prefiro chá a café."""
    group = draw.one((things.FRUIT, things.DRINKS, things.STAPLES[:8], things.DISHES, things.VEGETABLES))
    first, second = draw.two(group)
    rest = joined(bare(first), ("a", "to"), bare(second))
    return stated_or_asked(draw, lambda subject, **modes: clause(subject, PREFER, rest, **modes), negated=0.0)


REQUESTED = listed("abrir fechar lavar limpar arrumar levar trazer reparar cortar preparar guardar enviar reservar")
SERVICES = tuple(verb for verb in ACTIONS if verb.pt in REQUESTED)


@frame(600)
def please(draw: Draw) -> Phrase:
    """Abra a janela, por favor."""
    verb = draw.one(SERVICES)
    rest = object_of(draw, verb, dropped(ME))
    rest = rest._replace(words=(verb.pt, *rest.words))
    told = Phrase(f"{polite_imperative(verb.pt)} {rest.pt}", f"{verb.en} {rest.en}", rest.words)
    return sentence(told, (", por favor", ", please"))


@frame(350)
def who_wants(draw: Draw) -> Phrase:
    """Quem quer jogar xadrez?"""
    who = Phrase("quem", "who")
    if draw.chance(0.4):
        verb, rest = action(draw, who, SERVICES, pastimes=False)
        return sentence(clause(who, CAN, verb_phrase(verb, rest, "", "")), end="?")
    verb, rest = routine(draw) if draw.chance(0.7) else pastime(draw)
    matrix, link = draw.one(((WANT, ""), (LIKE, "de")))
    return sentence(clause(who, matrix, verb_phrase(verb, rest, link)), end="?")
