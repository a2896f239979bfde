"""The built-in corpus: its inflections against tables written by hand, its sentences against rules of spelling."""

import itertools
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter

import pytest

from transformer_tutorial.data.phrasebook import SPLITS, clause, corpus, english, phrasebook_pairs, portuguese
from transformer_tutorial.data.phrasebook.draw import HE, ME, WE, Draw, dropped
from transformer_tutorial.data.phrasebook.frames import FRAMES
from transformer_tutorial.data.phrasebook.lexicon import adjectives, places, things
from transformer_tutorial.data.phrasebook.lexicon.times import clock, numeral
from transformer_tutorial.data.phrasebook.phrase import (
    MINE,
    Phrase,
    a,
    agreeing,
    bare,
    count,
    owned,
    owner_of,
    sentence,
    the,
    this,
)
from transformer_tutorial.data.phrasebook.words import Verb
from transformer_tutorial.runtime.errors import UsageError

HELD_OUT = ("validation", "test")
RED = adjectives.ADJECTIVES["vermelho"]


@pytest.fixture(scope="module")
def pairs():
    return {split: phrasebook_pairs(split) for split in SPLITS}


@pytest.fixture(scope="module")
def everything(pairs):
    return [pair for split in SPLITS for pair in pairs[split]]


@pytest.fixture(scope="module")
def words_of_sentence():
    """From each Portuguese sentence drawn with seed 0 to the dictionary words that fill its frame."""
    return {written.pt: written.words for written in corpus.draw_sentences(0)}


def combinations(words):
    return {frozenset(pair) for pair in itertools.combinations(sorted(set(words)), 2)}


# The corpus


def test_the_splits_have_the_sizes_that_the_docstring_names(pairs):
    assert 60_000 <= len(pairs["train"]) <= 80_000
    assert len(pairs["validation"]) == len(pairs["test"]) == 1000


def test_a_portuguese_sentence_occurs_once_in_the_whole_corpus(everything):
    counts = Counter(pt for pt, _ in everything)
    assert [pt for pt, number in counts.items() if number > 1] == []


def test_a_portuguese_sentence_has_one_english_whichever_frame_writes_it():
    english_of = {}
    for frame in FRAMES:
        draw = Draw(f"{frame.name} any")
        for _ in range(frame.quota // 2):
            try:
                written = frame.write(draw)
            except clause.Unclear:
                continue
            assert english_of.setdefault(written.pt, written.en) == written.en, written.pt


def test_the_same_seed_gives_the_same_corpus_in_another_process_with_other_hashes(pairs):
    code = (
        "import json, sys; from transformer_tutorial.data.phrasebook import phrasebook_pairs;"
        "json.dump({s: phrasebook_pairs(s) for s in ('train', 'validation', 'test')}, sys.stdout)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "12345", "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert {split: [tuple(pair) for pair in found] for split, found in json.loads(ran.stdout).items()} == pairs


def test_another_seed_draws_other_sentences_but_holds_out_the_same_combinations(pairs):
    other = {split: phrasebook_pairs(split, seed=1) for split in SPLITS}
    assert other["validation"] != pairs["validation"]
    assert len({pt for pt, _ in other["train"]} & {pt for pt, _ in pairs["train"]}) < 0.6 * len(pairs["train"])
    for split in HELD_OUT:
        assert not {pt for pt, _ in other["train"]} & {pt for pt, _ in pairs[split]}


def test_the_caller_may_change_the_list_without_changing_the_corpus():
    phrasebook_pairs("test").clear()
    assert len(phrasebook_pairs("test")) == 1000


def test_an_unknown_split_is_refused_with_the_known_names():
    with pytest.raises(UsageError, match="has the splits train, validation, test, got 'dev'"):
        phrasebook_pairs("dev")


def test_no_frame_writes_more_than_eight_percent_and_there_are_at_least_forty(words_of_sentence):
    assert len(FRAMES) >= 40
    assert len({frame.name for frame in FRAMES}) == len(FRAMES)
    assert max(frame.quota for frame in FRAMES) < 0.08 * len(words_of_sentence)


# What is held out


@pytest.mark.parametrize("split", HELD_OUT)
def test_each_held_out_sentence_joins_two_words_that_never_meet_in_training(pairs, words_of_sentence, split):
    met = set().union(*(combinations(words_of_sentence[pt]) for pt, _ in pairs["train"]))
    for pt, _ in pairs[split]:
        assert combinations(words_of_sentence[pt]) - met, pt


def test_a_training_sentence_holds_no_combination_of_a_held_out_split(pairs, words_of_sentence):
    for pt, _ in pairs["train"]:
        for pair in combinations(words_of_sentence[pt]):
            assert corpus.split_of_combination(*pair) == "train", pt


def test_a_validation_sentence_holds_no_combination_of_test_and_the_other_way_round(pairs, words_of_sentence):
    for split, other in (HELD_OUT, HELD_OUT[::-1]):
        for pt, _ in pairs[split]:
            found = {corpus.split_of_combination(*pair) for pair in combinations(words_of_sentence[pt])}
            assert split in found and other not in found, pt


def test_the_order_of_two_words_does_not_matter_for_their_split():
    names = [noun.pt for noun in things.CLOTHES]
    for first, second in itertools.combinations(names, 2):
        assert corpus.split_of_combination(first, second) == corpus.split_of_combination(second, first)


def test_training_has_every_word_form_of_the_held_out_sentences(pairs):
    known = set(corpus.words_of(pairs["train"]))
    for split in HELD_OUT:
        assert set(corpus.words_of(pairs[split])) - known == set()


def test_a_held_out_pair_with_a_word_that_training_lacks_is_left_out():
    train = [("Como pão.", "I eat bread."), ("Bebo vinho.", "I drink wine.")]
    known, new_pt, new_en = (
        ("Bebo pão.", "I drink bread."),
        ("Como sopa.", "I eat bread."),
        ("Como pão.", "I eat soup."),
    )
    assert corpus.in_words_of(train, [known, new_pt, new_en]) == [known]


def test_the_held_out_sentences_cover_many_combinations_and_many_words(pairs, words_of_sentence):
    for split in HELD_OUT:
        held = set().union(*(combinations(words_of_sentence[pt]) for pt, _ in pairs[split]))
        assert sum(corpus.split_of_combination(*pair) == split for pair in held) > 150


# What a sentence looks like


def test_a_sentence_begins_with_a_capital_and_ends_with_one_mark(everything):
    for text in itertools.chain.from_iterable(everything):
        assert text[0].isupper(), text
        assert re.fullmatch(r"[^.?!]+[.?!]", text), text
        assert "  " not in text and " ," not in text and text == text.strip(), text
        assert unicodedata.is_normalized("NFC", text), text


def test_both_sides_of_a_pair_end_with_the_same_mark(everything):
    assert [pair for pair in everything if pair[0][-1] != pair[1][-1]] == []


def test_a_sentence_has_at_most_fourteen_portuguese_words(everything):
    assert max(len(pt.split()) for pt, _ in everything) <= 14


def test_no_preposition_is_left_uncontracted(everything):
    apart = re.compile(
        r"\b(?:(?:de|em|a|por) (?:o|os|as)|(?:de|em|por) a|em uma?|(?:de|em) (?:el[ae]s?|est[ae]s?|aquel[ae]s?)"
        r"|a aquel[ae]s?)\b"
    )
    assert [pt for pt, _ in everything if apart.search(pt.lower())] == []


def test_the_english_articles_suit_the_sound_that_follows(everything):
    wrong = re.compile(r"\ba (?:[aeio]|hour|un[^i]|um)|\ban (?:[^aeiouh]|uni|use)", re.IGNORECASE)
    assert [en for _, en in everything if wrong.search(en)] == []


def test_english_is_never_contracted(everything):
    wrong = re.compile(r"n't\b|'(?:m|re|ve|ll|d)\b|\b(?:I|he|she|it|we|you|they|who|what|that)'s\b", re.IGNORECASE)
    assert [en for _, en in everything if wrong.search(en)] == []


def test_possession_avoids_the_ambiguous_seu(everything):
    assert [pt for pt, _ in everything if re.search(r"\b(?:seus?|suas?)\b", pt.lower())] == []


def test_every_noun_and_adjective_of_the_lexicon_reaches_the_training_split(pairs):
    known = {word.removeprefix("pt ") for word in corpus.words_of(pairs["train"]) if word.startswith("pt ")}
    nouns = [noun for noun in (*things.THING.values(), *places.PLACE.values()) if " " not in noun.pt]
    assert [noun.pt for noun in nouns if not known & {noun.pt, noun.pt_plural}] == []
    assert [one.pt for one in adjectives.ADJECTIVES.values() if not known & set(one.forms.values())] == []


@pytest.mark.parametrize(
    "shape",
    [
        r"Quanto custa \w+ \w+\?",
        r"Onde está a minha mala.*\?",
        r"Queria um café, por favor\.",
        r"Comprei três bilhetes para .*\.",
        r"Somos portugues[ea]s\.",
        r"O livro d[oa].* está .*\.",
        r"Vou ao mercado.*\.",
        r"Ontem .*choveu.*\.",
    ],
)
def test_the_phrases_that_a_traveller_expects_are_there(everything, shape):
    assert any(re.fullmatch(shape, pt) for pt, _ in everything)


# Portuguese


@pytest.mark.parametrize(
    ("verb", "tense", "forms"),
    [
        ("falar", "present", "falo falas fala falamos falam"),
        ("comer", "present", "como comes come comemos comem"),
        ("abrir", "present", "abro abres abre abrimos abrem"),
        ("falar", "preterite", "falei falaste falou falámos falaram"),
        ("comer", "preterite", "comi comeste comeu comemos comeram"),
        ("abrir", "preterite", "abri abriste abriu abrimos abriram"),
        ("falar", "imperfect", "falava falavas falava falávamos falavam"),
        ("comer", "imperfect", "comia comias comia comíamos comiam"),
        ("ser", "present", "sou és é somos são"),
        ("estar", "present", "estou estás está estamos estão"),
        ("estar", "imperfect", "estava estavas estava estávamos estavam"),
        ("ter", "present", "tenho tens tem temos têm"),
        ("ir", "present", "vou vais vai vamos vão"),
        ("ir", "preterite", "fui foste foi fomos foram"),
        ("vir", "preterite", "vim vieste veio viemos vieram"),
        ("fazer", "preterite", "fiz fizeste fez fizemos fizeram"),
        ("fazer", "imperfect", "fazia fazias fazia fazíamos faziam"),
        ("trazer", "present", "trago trazes traz trazemos trazem"),
        ("trazer", "preterite", "trouxe trouxeste trouxe trouxemos trouxeram"),
        ("pôr", "preterite", "pus puseste pôs pusemos puseram"),
        ("ver", "preterite", "vi viste viu vimos viram"),
        ("ver", "imperfect", "via vias via víamos viam"),
        ("ler", "present", "leio lês lê lemos leem"),
        ("ler", "preterite", "li leste leu lemos leram"),
        ("dar", "preterite", "dei deste deu demos deram"),
        ("sair", "present", "saio sais sai saímos saem"),
        ("dormir", "present", "durmo dormes dorme dormimos dormem"),
        ("pedir", "present", "peço pedes pede pedimos pedem"),
        ("conduzir", "present", "conduzo conduzes conduz conduzimos conduzem"),
        ("passear", "present", "passeio passeias passeia passeamos passeiam"),
        ("passear", "preterite", "passeei passeaste passeou passeámos passearam"),
        ("ficar", "preterite", "fiquei ficaste ficou ficámos ficaram"),
        ("pagar", "preterite", "paguei pagaste pagou pagámos pagaram"),
        ("começar", "preterite", "comecei começaste começou começámos começaram"),
        ("conhecer", "present", "conheço conheces conhece conhecemos conhecem"),
        ("perder", "present", "perco perdes perde perdemos perdem"),
    ],
)
def test_verbs_are_conjugated_as_the_grammar_has_them(verb, tense, forms):
    assert [portuguese.conjugate(verb, tense, person) for person in range(5)] == forms.split()


@pytest.mark.parametrize(
    ("verb", "form"),
    [("abrir", "abra"), ("fechar", "feche"), ("trazer", "traga"), ("pagar", "pague"), ("fazer", "faça"), ("ir", "vá")],
)
def test_the_polite_imperative_changes_the_vowel(verb, form):
    assert portuguese.polite_imperative(verb) == form


@pytest.mark.parametrize(
    ("singular", "plural"),
    [
        ("casa", "casas"),
        ("estação", "estações"),
        ("mulher", "mulheres"),
        ("rapaz", "rapazes"),
        ("homem", "homens"),
        ("jornal", "jornais"),
        ("hotel", "hotéis"),
        ("telemóvel", "telemóveis"),
        ("lençol", "lençóis"),
        ("espanhol", "espanhóis"),
        ("difícil", "difíceis"),
        ("azul", "azuis"),
        ("inglês", "ingleses"),
        ("ananás", "ananases"),
        ("lápis", "lápis"),
        ("pastel de nata", "pastéis de nata"),
        ("máquina fotográfica", "máquinas fotográficas"),
        ("centro comercial", "centros comerciais"),
        ("guarda-chuva", "guarda-chuvas"),
    ],
)
def test_portuguese_plurals_follow_the_ending(singular, plural):
    assert portuguese.plural(singular) == plural


@pytest.mark.parametrize(
    ("adjective", "forms"),
    [
        ("vermelho", "vermelho vermelha vermelhos vermelhas"),
        ("português", "português portuguesa portugueses portuguesas"),
        ("espanhol", "espanhol espanhola espanhóis espanholas"),
        ("alemão", "alemão alemã alemães alemãs"),
        ("trabalhador", "trabalhador trabalhadora trabalhadores trabalhadoras"),
        ("bom", "bom boa bons boas"),
        ("verde", "verde verde verdes verdes"),
        ("fácil", "fácil fácil fáceis fáceis"),
        ("feliz", "feliz feliz felizes felizes"),
        ("cor-de-rosa", "cor-de-rosa cor-de-rosa cor-de-rosa cor-de-rosa"),
    ],
)
def test_adjectives_have_four_forms(adjective, forms):
    cells = [("m", False), ("f", False), ("m", True), ("f", True)]
    assert [adjectives.ADJECTIVES[adjective].forms[cell] for cell in cells] == forms.split()


@pytest.mark.parametrize(
    ("apart", "together"),
    [
        ("o livro de o rapaz", "o livro do rapaz"),
        ("em a mesa", "na mesa"),
        ("em um quarto", "num quarto"),
        ("em uma casa", "numa casa"),
        ("a as três horas", "às três horas"),
        ("a o Porto", "ao Porto"),
        ("por o parque", "pelo parque"),
        ("de este café", "deste café"),
        ("em aquela rua", "naquela rua"),
        ("a aquele hotel", "àquele hotel"),
        ("o carro de ela", "o carro dela"),
        ("de uma casa", "de uma casa"),
        ("a uma casa", "a uma casa"),
        ("estou a olhar", "estou a olhar"),
    ],
)
def test_prepositions_contract_with_what_follows(apart, together):
    assert portuguese.contract(apart) == together


@pytest.mark.parametrize(
    ("number", "gender", "words"),
    [
        (1, "f", ("uma", "one")),
        (2, "f", ("duas", "two")),
        (16, "m", ("dezasseis", "sixteen")),
        (20, "m", ("vinte", "twenty")),
        (30, "m", ("trinta", "thirty")),
        (42, "f", ("quarenta e duas", "forty-two")),
        (99, "m", ("noventa e nove", "ninety-nine")),
    ],
)
def test_numerals_are_spelled_and_agree(number, gender, words):
    assert numeral(number, gender) == words


def test_hours_are_told_in_both_languages():
    assert clock(1, 0) == ("a uma hora", "one o'clock")
    assert clock(3, 1) == ("as três e um quarto", "a quarter past three")
    assert clock(8, 2) == ("as oito e meia", "half past eight")


# English


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("eat", "eats, ate, eaten, eating"),
        ("look for", "looks for, looked for, looked for, looking for"),
        ("try on", "tries on, tried on, tried on, trying on"),
        ("watch", "watches, watched, watched, watching"),
        ("have lunch", "has lunch, had lunch, had lunch, having lunch"),
        ("swim", "swims, swam, swum, swimming"),
        ("write", "writes, wrote, written, writing"),
        ("play", "plays, played, played, playing"),
        ("do", "does, did, done, doing"),
        ("go", "goes, went, gone, going"),
        ("see", "sees, saw, seen, seeing"),
        ("put", "puts, put, put, putting"),
        ("ride", "rides, rode, ridden, riding"),
        ("visit", "visits, visited, visited, visiting"),
    ],
)
def test_english_verbs_have_their_forms(verb, forms):
    third, past, done, gerund = forms.split(", ")
    assert english.third_person(verb) == third
    assert english.past(verb) == past
    assert english.participle(verb) == done
    assert english.gerund(verb) == gerund


@pytest.mark.parametrize(
    ("singular", "plural"),
    [("apple", "apples"), ("box", "boxes"), ("beach", "beaches"), ("city", "cities"), ("boy", "boys"),
     ("tomato", "tomatoes"), ("dress", "dresses"), ("video", "videos")],
)  # fmt: skip
def test_english_plurals_follow_the_ending(singular, plural):
    assert english.plural(singular) == plural


@pytest.mark.parametrize(
    ("phrase", "with_article"),
    [("apple", "an apple"), ("university", "a university"), ("hour", "an hour"), ("house", "a house"),
     ("umbrella", "an umbrella"), ("useful map", "a useful map"), ("old house", "an old house")],
)  # fmt: skip
def test_a_or_an_goes_by_the_sound(phrase, with_article):
    assert english.with_article(phrase) == with_article


@pytest.mark.parametrize(
    ("adjective", "comparative"),
    [("tall", "taller"), ("big", "bigger"), ("happy", "happier"), ("nice", "nicer"), ("good", "better"),
     ("shy", "shyer"), ("expensive", "more expensive")],
)  # fmt: skip
def test_short_adjectives_compare_with_an_ending(adjective, comparative):
    assert english.comparative(adjective) == comparative


def test_the_genitive_of_a_plural_in_s_is_a_bare_apostrophe():
    assert english.genitive("my parents", plural_owner=True) == "my parents'"
    assert english.genitive("my children", plural_owner=True) == "my children's"
    assert english.genitive("Inês") == "Inês's"


# Both at once


def test_noun_phrases_agree_in_gender_and_number():
    apple, bread, glasses = things.THING["maçã"], things.THING["pão"], things.THING["óculos"]
    found = [the(apple, True, RED), a(apple, RED), bare(bread), a(bread), this(glasses), count(2, apple), bare(apple)]
    assert [phrase[:2] for phrase in found] == [
        ("as maçãs vermelhas", "the red apples"),
        ("uma maçã vermelha", "a red apple"),
        ("pão", "bread"),
        ("pão", "bread"),
        ("estes óculos", "these glasses"),
        ("duas maçãs", "two apples"),
        ("maçãs", "apples"),
    ]


def test_possessors_stand_before_or_after_their_noun():
    book, sister = things.THING["livro"], Phrase("a minha irmã", "my sister", ("irmã",), "f")
    assert owned(MINE, book)[:2] == ("o meu livro", "my book")
    assert sentence(owned(owner_of(sister), book), ("está aqui", "is here"))[:2] == (
        "O livro da minha irmã está aqui.",
        "My sister's book is here.",
    )


def test_good_stands_before_its_noun_in_portuguese():
    good, soup = adjectives.ADJECTIVES["bom"], things.THING["sopa"]
    assert a(soup, good)[:2] == ("uma boa sopa", "a good soup")


def test_a_predicate_agrees_with_its_subject():
    girls = Phrase("as raparigas", "the girls", (), "f", True, 4)
    tired = adjectives.ADJECTIVES["cansado"]
    assert clause.clause(girls, clause.STAY, agreeing(tired, girls), negative=True)[:2] == (
        "as raparigas não estão cansadas",
        "the girls are not tired",
    )


EAT = Verb("comer", "eat")
FISH = Phrase("peixe", "fish")


@pytest.mark.parametrize(
    ("tense", "modes", "expected"),
    [
        ("present", {}, ("ele come peixe", "he eats fish")),
        ("present", {"negative": True}, ("ele não come peixe", "he does not eat fish")),
        ("present", {"question": True}, ("ele come peixe", "does he eat fish")),
        ("preterite", {}, ("ele comeu peixe", "he ate fish")),
        ("preterite", {"negative": True}, ("ele não comeu peixe", "he did not eat fish")),
        ("imperfect", {}, ("ele comia peixe", "he used to eat fish")),
        ("imperfect", {"question": True}, ("ele comia peixe", "did he use to eat fish")),
        ("future", {}, ("ele vai comer peixe", "he is going to eat fish")),
        ("future", {"question": True}, ("ele vai comer peixe", "is he going to eat fish")),
        ("progressive", {"negative": True}, ("ele não está a comer peixe", "he is not eating fish")),
        ("past progressive", {}, ("ele estava a comer peixe", "he was eating fish")),
        ("perfect", {"adverb": ("já", "already")}, ("ele já comeu peixe", "he has already eaten fish")),
    ],
)
def test_each_tense_has_one_translation(tense, modes, expected):
    assert clause.clause(HE, EAT, FISH, tense, **modes)[:2] == expected


def test_can_takes_no_support():
    open_it = Phrase("abrir a porta", "open the door")
    assert clause.clause(HE, clause.CAN, open_it, negative=True).en == "he cannot open the door"
    assert clause.clause(HE, clause.CAN, open_it, question=True).en == "can he open the door"


def test_the_pronoun_comes_back_where_the_verb_does_not_show_the_person():
    assert clause.clause(dropped(ME), EAT, FISH).pt == "como peixe"
    assert clause.clause(dropped(ME), EAT, FISH, "imperfect").pt == "eu comia peixe"


def test_a_form_of_two_tenses_is_refused_unless_the_sentence_is_dated():
    with pytest.raises(clause.Unclear, match="comer"):
        clause.clause(WE, EAT, FISH, "preterite")
    assert clause.clause(WE, EAT, FISH, "preterite", dated=True)[:2] == ("nós comemos peixe", "we ate fish")
    assert clause.clause(WE, Verb("falar", "speak"), tense="preterite").pt == "nós falámos"
