"""How English bends its words: plural, verb forms, comparison, a or an, the genitive. Spelling is British.

A verb may be a phrase ("look for"): its first word changes. Persons are numbered as in portuguese.py: 0 I,
2 he, she or it, anything else as "they".
"""

import functools

IRREGULAR_VERBS = """
be was been         begin began begun   break broke broken   bring brought brought  build built built
buy bought bought   catch caught caught come came come       cost cost cost         cut cut cut
do did done         drink drank drunk   drive drove driven   eat ate eaten          find found found
forget forgot forgotten get got got     give gave given      go went gone           have had had
hear heard heard    hurt hurt hurt      know knew known      leave left left        lend lent lent
lose lost lost      make made made      meet met met         pay paid paid          put put put
read read read      ride rode ridden    rise rose risen     run ran run          say said said          see saw seen
sell sold sold      send sent sent      show showed shown    sing sang sung         sit sat sat
sleep slept slept   speak spoke spoken  spend spent spent    swim swam swum         take took taken
teach taught taught tell told told      think thought thought understand understood understood
wake woke woken     wear wore worn      win won won          write wrote written
"""
_FORMS = IRREGULAR_VERBS.split()
IRREGULAR = {base: (past, done) for base, past, done in zip(_FORMS[::3], _FORMS[1::3], _FORMS[2::3], strict=True)}
DOUBLED = {"run", "swim", "cut", "put", "sit", "get", "begin", "win", "travel", "stop", "chat"}
COMPARATIVES = {"good": "better", "bad": "worse", "big": "bigger", "thin": "thinner", "wet": "wetter", "hot": "hotter"}
SHORT_ADJECTIVES = {
    "small", "new", "old", "cheap", "long", "short", "wide", "narrow", "tall", "fast", "slow", "light", "heavy",
    "clean", "dirty", "cold", "fresh", "sweet", "salty", "hard", "young", "nice", "strong", "funny", "shy", "lazy",
    "rich", "poor", "thick", "happy", "sad", "busy", "quiet", "easy", "ugly", "tasty", "pretty", "warm",
}  # fmt: skip


def plural(noun: str) -> str:
    """Gives the regular plural of a noun; the last word of a compound changes."""
    if noun.endswith(("s", "x", "ch", "sh")) or noun in {"tomato", "potato"}:
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def with_article(phrase: str) -> str:
    """Puts "a" or "an" before a phrase, by the sound it begins with."""
    vowel = phrase[0] in "aeiouAEIOU" and not phrase.startswith(("uni", "use", "eu", "one", "Eu"))
    silent_h = phrase.startswith(("hour", "honest"))
    return ("an " if vowel or silent_h else "a ") + phrase


def genitive(owner: str, plural_owner: bool = False) -> str:
    """Gives "Maria's", "my parents'"."""
    return owner + ("'" if plural_owner and owner.endswith("s") else "'s")


def comparative(adjective: str) -> str:
    """Gives "taller", "better", "more expensive"."""
    if adjective in COMPARATIVES:
        return COMPARATIVES[adjective]
    if adjective not in SHORT_ADJECTIVES:
        return "more " + adjective
    if adjective.endswith("y") and adjective != "shy":
        return adjective[:-1] + "ier"
    return adjective + ("r" if adjective.endswith("e") else "er")


@functools.cache
def third_person(verb: str) -> str:
    """Gives "eats", "goes", "looks for"."""
    head, blank, rest = verb.partition(" ")
    if head in {"be", "have"}:
        return {"be": "is", "have": "has"}[head] + blank + rest
    return (head + "es" if head in {"go", "do"} else plural(head)) + blank + rest


@functools.cache
def past(verb: str) -> str:
    """Gives the simple past: "ate", "looked for"."""
    head, blank, rest = verb.partition(" ")
    return (IRREGULAR[head][0] if head in IRREGULAR else _regular_past(head)) + blank + rest


@functools.cache
def participle(verb: str) -> str:
    """Gives the past participle: "eaten", "looked for"."""
    head, blank, rest = verb.partition(" ")
    return (IRREGULAR[head][1] if head in IRREGULAR else _regular_past(head)) + blank + rest


def _regular_past(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return (verb + verb[-1] if verb in DOUBLED else verb) + "ed"


@functools.cache
def gerund(verb: str) -> str:
    """Gives "eating", "writing", "running", "looking for"."""
    head, blank, rest = verb.partition(" ")
    if head in DOUBLED:
        head += head[-1]
    elif head.endswith("e") and not head.endswith(("ee", "ye")) and head != "be":
        head = head[:-1]
    return head + "ing" + blank + rest


def be(tense: str, person: int) -> str:
    """Gives am, is, are, was or were."""
    if tense == "past":
        return "was" if person in (0, 2) else "were"
    return {0: "am", 2: "is"}.get(person, "are")


def predicate(verb: str, tense: str, person: int, supported: bool) -> tuple[str, str]:
    """Splits a verb phrase into (auxiliary, main part), so that "not" and questions have a place to go.

    Args:
        verb: base form; "can" stands alone and takes its verb in what follows.
        tense: present, past, habit ("used to"), progressive, past progressive, future ("going to") or perfect.
        person: see the module.
        supported: True asks for do-support where there is no auxiliary: ("does", "eat") instead of ("", "eats").
    """
    if tense == "progressive":
        return be("present", person), gerund(verb)
    if tense == "past progressive":
        return be("past", person), gerund(verb)
    if tense == "future":
        return be("present", person), f"going to {verb}"
    if tense == "perfect":
        return "has" if person == 2 else "have", participle(verb)
    if verb == "be" and tense in ("present", "past"):
        return be(tense, person), ""
    if verb == "can":
        return "can", ""
    if tense == "habit":
        return ("did", f"use to {verb}") if supported else ("", f"used to {verb}")
    if supported:
        return ("did" if tense == "past" else "does" if person == 2 else "do"), verb
    if tense == "past":
        return "", past(verb)
    return "", third_person(verb) if person == 2 else verb
