"""When: adverbs for each tense, hours, days, months, and the numerals."""

from transformer_tutorial.data.phrasebook.words import rows


def _pairs(table: str) -> tuple[tuple[str, str], ...]:
    return tuple((pt, en) for pt, en in rows(table))


# The first five of the past and the first six of the future suit what is done every day.
PAST_TIMES = _pairs("""
ontem                   yesterday
anteontem               the day before yesterday
ontem à noite           last night
ontem de manhã          yesterday morning
no sábado passado       last Saturday
na semana passada       last week
no mês passado          last month
há dois dias            two days ago
há uma semana           a week ago
""")
LONG_AGO = _pairs("""
no ano passado          last year
há dois anos            two years ago
há três meses           three months ago
no verão passado        last summer
no inverno passado      last winter
""")
FUTURE_TIMES = _pairs("""
amanhã                  tomorrow
amanhã de manhã         tomorrow morning
amanhã à noite          tomorrow night
depois de amanhã        the day after tomorrow
hoje à noite            tonight
hoje à tarde            this afternoon
na próxima semana       next week
no próximo sábado       next Saturday
no próximo mês          next month
""")
HABIT_DAYS = _pairs("""
todos os dias           every day
todas as semanas        every week
aos sábados             on Saturdays
aos domingos            on Sundays
ao fim de semana        at the weekend
uma vez por semana      once a week
duas vezes por semana   twice a week
""")
HABIT_TIMES = HABIT_DAYS + _pairs("""
todas as manhãs         every morning
à noite                 in the evening
de manhã                in the morning
""")
NOW = _pairs("""
agora                   now
neste momento           at the moment
""")

_NUMERALS = """
one um two dois three três four quatro five cinco six seis seven sete eight oito nine nove ten dez eleven onze
twelve doze thirteen treze fourteen catorze fifteen quinze sixteen dezasseis seventeen dezassete eighteen dezoito
nineteen dezanove twenty vinte thirty trinta forty quarenta fifty cinquenta sixty sessenta seventy setenta
eighty oitenta ninety noventa
"""
NUMBER_WORDS = _NUMERALS.split()
ENGLISH_NUMBERS, PORTUGUESE_NUMBERS = NUMBER_WORDS[::2], NUMBER_WORDS[1::2]


def numeral(number: int, gender: str) -> tuple[str, str]:
    """Spells 1 to 99 in Portuguese and English; "um" and "dois" agree with the gender."""
    tens, units = divmod(number, 10)
    if number <= 20 or not units:
        place = number - 1 if number <= 20 else 17 + tens
        return _gendered(PORTUGUESE_NUMBERS[place], gender), ENGLISH_NUMBERS[place]
    pt_tens, en_tens = numeral(tens * 10, gender)
    pt_units, en_units = numeral(units, gender)
    return f"{pt_tens} e {pt_units}", f"{en_tens}-{en_units}"


def _gendered(word: str, gender: str) -> str:
    return {"um": "uma", "dois": "duas"}.get(word, word) if gender == "f" else word


def clock(hour: int, part: int) -> tuple[str, str]:
    """Gives "as duas e meia", "half past two", as they follow "a" and "at".

    Args:
        hour: 1 to 12.
        part: 0 for the full hour, 1 for a quarter past, 2 for half past.
    """
    pt, en = numeral(hour, "f")
    article, unit = ("a", "hora") if hour == 1 else ("as", "horas")
    pt_part = (f" {unit}", " e um quarto", " e meia")[part]
    return f"{article} {pt}{pt_part}", (f"{en} o'clock", f"a quarter past {en}", f"half past {en}")[part]


HOURS = tuple(clock(hour, part) for hour in range(1, 13) for part in range(3))

WEEKDAYS = _pairs("""
a segunda-feira         Monday
a terça-feira           Tuesday
a quarta-feira          Wednesday
a quinta-feira          Thursday
a sexta-feira           Friday
o sábado                Saturday
o domingo               Sunday
""")
MONTHS = _pairs("""
janeiro                 January
fevereiro               February
março                   March
abril                   April
maio                    May
junho                   June
julho                   July
agosto                  August
setembro                September
outubro                 October
novembro                November
dezembro                December
""")
SEASONS = _pairs("""
a primavera             spring
o verão                 summer
o outono                autumn
o inverno               winter
""")
DURATIONS = _pairs("""
dois dias               two days
três dias               three days
uma semana              a week
duas semanas            two weeks
um mês                  a month
três meses              three months
um ano                  a year
dois anos               two years
muitos anos             many years
""")
