"""At the doctor's and the chemist's; the body."""

from transformer_tutorial.data.phrasebook.clause import HAVE, Unclear, clause
from transformer_tutorial.data.phrasebook.draw import Draw
from transformer_tutorial.data.phrasebook.frames.registry import frame, stated_or_asked
from transformer_tutorial.data.phrasebook.lexicon import people, times
from transformer_tutorial.data.phrasebook.phrase import Phrase, joined, sentence, the
from transformer_tutorial.data.phrasebook.portuguese import conjugate
from transformer_tutorial.data.phrasebook.words import Verb

COMPLAINTS = (
    ("febre", "a fever"), ("tosse", "a cough"), ("gripe", "flu"), ("dores de cabeça", "headaches"),
    ("dor de dentes", "toothache"), ("dor de garganta", "a sore throat"), ("dores de costas", "back pain"),
)  # fmt: skip
SINCE = (
    ("desde ontem", "since yesterday"), ("desde segunda-feira", "since Monday"), ("desde domingo", "since Sunday"),
    ("há três dias", "for three days"), ("há uma semana", "for a week"), ("há dois meses", "for two months"),
)  # fmt: skip
HELPERS = (("um médico", "a doctor"), ("uma enfermeira", "a nurse"), ("um dentista", "a dentist"),
           ("uma ambulância", "an ambulance"), ("uma receita", "a prescription"))  # fmt: skip
CLINICS = (("o médico", "the doctor"), ("o dentista", "the dentist"), ("o hospital", "the hospital"))
REMEDIES = (
    ("este comprimido", "this tablet"), ("este xarope", "this syrup"), ("dois comprimidos", "two tablets"),
    ("um comprimido", "a tablet"), ("estes comprimidos", "these tablets"),
    ("uma colher de xarope", "a spoonful of syrup"),
)  # fmt: skip
DOSES = (
    ("depois de o jantar", "after dinner"), ("antes de o almoço", "before lunch"),
    ("depois de o almoço", "after lunch"),
    ("antes de o jantar", "before dinner"),
    ("depois de o pequeno-almoço", "after breakfast"), ("de manhã", "in the morning"),
    ("à noite", "in the evening"), ("três vezes por dia", "three times a day"), ("duas vezes por dia", "twice a day"),
    ("uma vez por dia", "once a day"), ("com um copo de água", "with a glass of water"),
)  # fmt: skip
INJURED = tuple(part for part in people.BODY if part.pt in ("braço", "perna", "pé", "mão", "dedo", "joelho", "ombro"))
POSSESSIVE = {0: "my", 1: "your"}
NEED, BREAK, HURT, ACHE = (
    Verb(pt, en) for pt, en in (("precisar", "need"), ("partir", "break"), ("magoar", "hurt"), ("doer", "hurt"))
)


@frame(350)
def hurts(draw: Draw) -> Phrase:
    """Dói-me a cabeça."""
    part, mine = draw.one(people.BODY), draw.chance(0.6)
    body = the(part, part.pt in people.PAIRED and draw.chance(0.5))
    possessed = body._replace(en=f"{'my' if mine else 'your'} {part.en_plural if body.plural else part.en}")
    verb = conjugate("doer", "present", body.person)
    if not mine:
        asked = clause(possessed, ACHE, question=True)
        return sentence(Phrase(f"{verb}-te {body.pt}", asked.en, body.words), end="?")
    if draw.chance(0.4):
        lasting = clause(possessed, ACHE, tense="perfect")
        return sentence(Phrase(f"{verb}-me {body.pt}", lasting.en, body.words), draw.one(SINCE))
    negative = draw.chance(0.3)
    pt = f"não me {verb} {body.pt}" if negative else f"{verb}-me {body.pt}"
    return sentence(Phrase(pt, clause(possessed, ACHE, negative=negative).en, body.words))


@frame(600)
def complaint(draw: Draw) -> Phrase:
    """A Ana tem febre desde ontem."""
    pt, en = draw.one(COMPLAINTS)
    if draw.chance(0.65):
        return stated_or_asked(draw, lambda subject, **modes: clause(subject, HAVE, Phrase(pt, en), **modes))
    subject = draw.anyone()
    told, lasting = (clause(subject, HAVE, Phrase(pt, en), tense) for tense in ("present", "perfect"))
    return sentence(told._replace(en=lasting.en), draw.one(SINCE))


@frame(350)
def need_help(draw: Draw) -> Phrase:
    """Preciso de um médico."""
    pt, en = draw.one(HELPERS)
    helper = Phrase(f"de {pt}", en)
    return stated_or_asked(draw, lambda subject, **modes: clause(subject, NEED, helper, **modes), negated=0.1)


@frame(400)
def medicine(draw: Draw) -> Phrase:
    """Tome este comprimido depois do jantar."""
    what, when = draw.one(REMEDIES), draw.one(DOSES)
    kind = draw.number(0, 2)
    if kind == 0:
        return sentence(("tome", "take"), what, when)
    matrix, link = ((HAVE, "de"), (NEED, "de"))[kind - 1]
    rest = joined((link, ""), ("tomar", "to take"), what, when)
    return sentence(clause(draw.anyone(), matrix, rest))


@frame(350)
def appointment(draw: Draw) -> Phrase:
    """Tenho uma consulta no dentista às dez horas."""
    pt, en = draw.one(CLINICS)
    place = (f"uma consulta em {pt}", f"an appointment at {en}" + ("'s" if "hospital" not in en else ""))
    hour = times.clock(draw.one((8, 9, 10, 11, 2, 3, 4, 5)), draw.number(0, 2))
    day = draw.some(0.4, times.FUTURE_TIMES[:4]) or ("", "")
    when = day if day[0] else joined(("a", "at"), hour)
    return sentence(clause(draw.anyone(), HAVE, joined(place, when)))


@frame(450)
def injury(draw: Draw) -> Phrase:
    """A Ana partiu o braço."""
    part = draw.one(INJURED)
    verb = HURT if part.pt in ("joelho", "ombro", "mão") or draw.chance(0.3) else BREAK
    when = draw.some(0.5, times.PAST_TIMES) or ("", "")

    def write(subject: Phrase, **modes: bool) -> Phrase:
        if subject.plural:
            raise Unclear(subject.pt)
        whose = POSSESSIVE.get(subject.person) or ("her" if subject.gender == "f" else "his")
        limb = Phrase(the(part).pt, f"{whose} {part.en}", (verb.pt, part.pt))
        return clause(subject, verb, joined(limb, when), "preterite", **modes)

    return stated_or_asked(draw, write, asked=0.2, negated=0.0)
