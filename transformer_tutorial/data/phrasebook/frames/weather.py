"""Rain, snow, heat and cold, here and there."""

from transformer_tutorial.data.phrasebook.clause import clause
from transformer_tutorial.data.phrasebook.draw import Draw
from transformer_tutorial.data.phrasebook.frames.registry import frame
from transformer_tutorial.data.phrasebook.lexicon import places, times
from transformer_tutorial.data.phrasebook.phrase import Phrase, joined, sentence
from transformer_tutorial.data.phrasebook.words import Verb

RAIN, SNOW = Verb("chover", "rain"), Verb("nevar", "snow")
IT = Phrase("", "it")
SKY = (("frio", "cold"), ("vento", "windy"), ("sol", "sunny"), ("calor", "hot"))
SKY_OF = {"o inverno": SKY[:2], "o verão": SKY[2:]}
SNOWY = {"Suíça", "Alemanha", "França", "Escócia", "Irlanda", "Inglaterra", "Londres", "Berlim", "Madrid", "Japão"}


@frame(1000)
def weather(draw: Draw) -> Phrase:
    """Ontem choveu em Lisboa."""
    place = draw.one(places.CITIES + places.COUNTRIES)
    where = Phrase(f"em {place.pt}", f"in {place.en}") if draw.chance(0.8) else Phrase("", "")
    kind = draw.number(0, 4)
    verb = SNOW if place.pt.split()[-1] in SNOWY and draw.chance(0.5) else RAIN
    if kind == 0:
        told = clause(IT, verb, where, "preterite", negative=draw.chance(0.3))
        return sentence(draw.one(times.PAST_TIMES[:6]), told)
    if kind == 1:
        told = clause(IT, verb, where, "future", negative=draw.chance(0.3))
        return sentence(draw.one(times.FUTURE_TIMES[:6]), told)
    if kind == 2:
        asked = draw.chance(0.3)
        told = clause(IT, verb, where, "progressive", question=asked, negative=not asked and draw.chance(0.3))
        return sentence(told, end="?" if asked else ".")
    season = draw.one(times.SEASONS) if kind == 3 else None
    sky_pt, sky_en = draw.one(SKY_OF.get(season[0], SKY) if season else SKY)
    start = joined(("em", "in"), season) if season else Phrase("hoje", "today")
    much = draw.some(0.3, (("muito", "very"),)) or ("", "")
    return sentence(start, ("está", "it is"), much, (sky_pt, sky_en), where)
