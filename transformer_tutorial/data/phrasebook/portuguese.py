"""How European Portuguese bends its words: plural, agreement, conjugation, contraction.

Regular words go by rule; IRREGULAR holds what the rules do not give. Spelling follows the agreement of 1990.
Persons are numbered 0 eu, 1 tu, 2 ele or ela, 3 nós, 4 vocês, eles or elas.

Source: Cunha and Cintra, Nova Gramática do Português Contemporâneo, chapters 9, 10 and 13.
"""

import functools
import re
import unicodedata

ENDINGS = {
    ("ar", "present"): "o as a amos am",
    ("ar", "preterite"): "ei aste ou ámos aram",
    ("ar", "imperfect"): "ava avas ava ávamos avam",
    ("er", "present"): "o es e emos em",
    ("er", "preterite"): "i este eu emos eram",
    ("er", "imperfect"): "ia ias ia íamos iam",
    ("ir", "present"): "o es e imos em",
    ("ir", "preterite"): "i iste iu imos iram",
    ("ir", "imperfect"): "ia ias ia íamos iam",
}
TENSES = ("present", "preterite", "imperfect")

# A lone first form replaces the present of "eu" only; five forms replace the whole tense.
IRREGULAR_ROWS = """
ser       present    sou és é somos são
ser       preterite  fui foste foi fomos foram
ser       imperfect  era eras era éramos eram
estar     present    estou estás está estamos estão
estar     preterite  estive estiveste esteve estivemos estiveram
ter       present    tenho tens tem temos têm
ter       preterite  tive tiveste teve tivemos tiveram
ter       imperfect  tinha tinhas tinha tínhamos tinham
ir        present    vou vais vai vamos vão
ir        preterite  fui foste foi fomos foram
ir        imperfect  ia ias ia íamos iam
vir       present    venho vens vem vimos vêm
vir       preterite  vim vieste veio viemos vieram
vir       imperfect  vinha vinhas vinha vínhamos vinham
fazer     present    faço fazes faz fazemos fazem
fazer     preterite  fiz fizeste fez fizemos fizeram
poder     present    posso podes pode podemos podem
poder     preterite  pude pudeste pôde pudemos puderam
querer    present    quero queres quer queremos querem
querer    preterite  quis quiseste quis quisemos quiseram
ver       present    vejo vês vê vemos veem
ver       preterite  vi viste viu vimos viram
dar       present    dou dás dá damos dão
dar       preterite  dei deste deu demos deram
dizer     present    digo dizes diz dizemos dizem
dizer     preterite  disse disseste disse dissemos disseram
saber     present    sei sabes sabe sabemos sabem
saber     preterite  soube soubeste soube soubemos souberam
trazer    present    trago trazes traz trazemos trazem
trazer    preterite  trouxe trouxeste trouxe trouxemos trouxeram
pôr       present    ponho pões põe pomos põem
pôr       preterite  pus puseste pôs pusemos puseram
pôr       imperfect  punha punhas punha púnhamos punham
ler       present    leio lês lê lemos leem
sair      present    saio sais sai saímos saem
sair      preterite  saí saíste saiu saímos saíram
sair      imperfect  saía saías saía saíamos saíam
rir       present    rio ris ri rimos riem
conduzir  present    conduzo conduzes conduz conduzimos conduzem
subir     present    subo sobes sobe subimos sobem
doer      present    doo dóis dói doemos doem
dormir    present    durmo
vestir    present    visto
servir    present    sirvo
sentir    present    sinto
preferir  present    prefiro
seguir    present    sigo
pedir     present    peço
ouvir     present    ouço
perder    present    perco
"""

CONTRACTIONS = {
    "de": {"o": "do", "a": "da", "os": "dos", "as": "das"},
    "em": {"o": "no", "a": "na", "os": "nos", "as": "nas", "um": "num", "uma": "numa"},
    "a": {"o": "ao", "a": "à", "os": "aos", "as": "às"},
    "por": {"o": "pelo", "a": "pela", "os": "pelos", "as": "pelas"},
}
for _stem in ("est", "ess", "aquel"):
    for _ending in ("e", "a", "es", "as"):
        CONTRACTIONS["de"][_stem + _ending] = "d" + _stem + _ending
        CONTRACTIONS["em"][_stem + _ending] = "n" + _stem + _ending
for _ending in ("e", "a", "es", "as"):
    CONTRACTIONS["a"]["aquel" + _ending] = "àquel" + _ending
    CONTRACTIONS["de"]["el" + _ending] = "del" + _ending
    CONTRACTIONS["em"]["el" + _ending] = "nel" + _ending


def _read_irregular() -> dict[tuple[str, str], list[str]]:
    rows = (line.split() for line in IRREGULAR_ROWS.strip().splitlines())
    return {(verb, tense): forms for verb, tense, *forms in rows}


IRREGULAR = _read_irregular()
_SECOND_PARTS = "|".join(sorted({word for row in CONTRACTIONS.values() for word in row}))
_CONTRACTIBLE = re.compile(rf"\b(de|em|a|por) ({_SECOND_PARTS})\b")


def contract(text: str) -> str:
    """Joins de, em, a and por with the article or pronoun that follows: "de o livro" becomes "do livro"."""
    return _CONTRACTIBLE.sub(lambda match: CONTRACTIONS[match[1]].get(match[2], match[0]), text)


def plural(word: str) -> str:
    """Gives the regular plural; of "x de y" only the head changes, of "noun adjective" both words do."""
    if " de " in word:
        head, tail = word.split(" de ", 1)
        return f"{plural(head)} de {tail}"
    if " " in word:
        return " ".join(plural(part) for part in word.split(" "))
    if word.endswith("ão"):
        return word[:-2] + "ões"
    if word.endswith("m"):
        return word[:-1] + "ns"
    if word.endswith(("r", "z")):
        return word + "es"
    if word.endswith(("ás", "ês")):
        return word[:-2] + unaccented(word[-2]) + "ses"
    if word.endswith("s"):
        return word
    if word.endswith("l"):
        return _plural_in_l(word)
    return word + "s"


def _plural_in_l(word: str) -> str:
    vowel, stem = word[-2], word[:-2]
    stressed = not any(letter in "áéíóúâêôãõ" for letter in stem)
    if vowel == "i":
        return stem + ("is" if stressed else "eis")
    return stem + ({"e": "é", "o": "ó"}.get(vowel, vowel) if stressed else vowel) + "is"


def unaccented(text: str) -> str:
    """Drops accents and cedillas."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def feminine(adjective: str) -> str:
    """Gives the regular feminine singular of an adjective or of a noun for a person."""
    if adjective.endswith("ês"):
        return adjective[:-2] + "esa"
    if adjective.endswith("or"):
        return adjective + "a"
    if adjective.endswith("ão"):
        return adjective[:-1]
    if adjective.endswith("o"):
        return adjective[:-1] + "a"
    return adjective


@functools.cache
def conjugate(verb: str, tense: str, person: int) -> str:
    """Gives one form of a verb.

    Args:
        verb: the infinitive.
        tense: one of TENSES.
        person: 0 to 4, see the module.
    """
    forms = IRREGULAR.get((verb, tense), [])
    if person < len(forms):
        return forms[person]
    stem, group = verb[:-2], verb[-2:]
    if verb.endswith("ear") and tense == "present" and person != 3:
        stem += "i"
    return respelled(stem, group, ENDINGS[group, tense].split()[person])


def respelled(stem: str, group: str, ending: str) -> str:
    """Joins stem and ending so that the last consonant keeps its sound: fic + ei becomes fiquei."""
    if group == "ar" and ending[0] == "e":
        for hard, spelled in (("ç", "c"), ("c", "qu"), ("g", "gu")):
            if stem.endswith(hard):
                return stem[: -len(hard)] + spelled + ending
    if group != "ar" and ending[0] in "oa":
        for soft, spelled in (("gu", "g"), ("c", "ç"), ("g", "j")):
            if stem.endswith(soft):
                return stem[: -len(soft)] + spelled + ending
    return stem + ending


def polite_imperative(verb: str) -> str:
    """Gives the command for "o senhor": the stem of "eu" in the present, with the other vowel (abro, abra)."""
    if verb == "ir":
        return "vá"
    if verb.endswith("ar"):
        return respelled(verb[:-2], "ar", "e")
    return conjugate(verb, "present", 0)[:-1] + "a"
