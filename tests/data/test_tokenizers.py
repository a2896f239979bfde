import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transformer_tutorial.data.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from transformer_tutorial.runtime.errors import Failure, UsageError
from transformer_tutorial.token_ids import END_ID, PADDING_ID, RESERVED_TOKENS, START_ID, UNKNOWN_ID

SENTENCES = """
O gato dorme na cadeira .              The cat sleeps on the chair .
A minha avó não bebe café .            My grandmother doesn 't drink coffee .
Quantas maçãs há no cesto ?            How many apples are in the basket ?
Amanhã vou à praia com o João .        Tomorrow I 'll go to the beach with João .
O rapaz abriu a porta .                The boy opened the door .
Ela disse : " Já chega ! "             She said : " That 's enough ! "
Vimos um pássaro azul .                We saw a blue bird .
O comboio chega às dez horas .         The train arrives at ten o 'clock .
Está a chover , e faz frio .           It 's raining , and it 's cold .
Onde fica a estação ?                  Where is the station ?
Ele lê o jornal todos os dias .        He reads the newspaper every day .
Deram-lhe um guarda-chuva .            They gave him a well - known umbrella .
Nós comemos peixe ao jantar .          We eat fish for dinner .
Os cães correm no jardim .             The dogs run in the garden .
Que horas são ?                        What time is it ?
Gosto de música e de dança .           I like music and dance .
A casa é velha , mas bonita .          The house is old , but pretty .
O exame foi muito difícil .            The exam was very hard .
Não sei o que fazer .                  I do n 't know what to do .
Comprei pão , queijo e água .          I bought bread , cheese and water .
O médico chegou tarde .                The doctor came ` ` late ' ' .
Temos três filhos .                    We 've three children ; they 're small .
Xavier viu o zoológico de Kiev .       Xavier saw the zoo of Kiev .
Quero um copo de vinho .               I 'd like a glass of wine - we 'm joking .
""".strip().splitlines()
TEXTS = [text.strip() for line in SENTENCES for text in line.split("   ") if text.strip()]
WORDS = sorted({word for text in TEXTS for word in text.split() if word.isalpha()})

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\u2581"), max_size=60)
BLANKS = st.sampled_from([" ", "  ", "\t", "\n", " \r\n"])


@pytest.fixture(scope="module")
def wordpiece():
    return WordPieceTokenizer.train(TEXTS, 400)


@pytest.fixture(scope="module")
def cased():
    return WordPieceTokenizer.train(TEXTS, 400, lower_case=False)


@pytest.fixture(scope="module")
def sentencepiece():
    return SentencePieceTokenizer.train(TEXTS, 400)


@pytest.fixture(scope="module", params=["wordpiece", "cased", "sentencepiece"])
def tokenizer(request):
    return request.getfixturevalue(request.param)


def back_and_forth(tokenizer, texts: list) -> list[str]:
    return [text.decode() for text in tokenizer.detokenize(tokenizer.tokenize(tf.constant(texts))).numpy()]


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(ANY_TEXT, min_size=1, max_size=8))
@example(
    texts=["", " ", "   ", "\x00", "a\x00b\x00", " leading", "trailing  ", "two  blanks", "tab\tnew\nline\r\n", "\n "]
)
@example(
    texts=["🐈‍⬛ e 🇵🇹", "a\u0301\u0301\u0327", "\u0301", "שלום עולם", "مرحبا، عالم\u200f", "\ufeffbom", "\u3000\u2003"]
)
@example(texts=["[START]", "[PAD] [UNK] [END]", "<s></s><unk>", "<0x41>", "Ola`` '' - don't n't"])
def test_sentencepiece_returns_any_text_exactly(sentencepiece, texts):
    assert back_and_forth(sentencepiece, texts) == texts


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(st.sampled_from([*WORDS, ".", ",", "?", "!"]), min_size=1),
    blanks=st.lists(BLANKS, min_size=1),
    shout=st.booleans(),
)
def test_wordpiece_returns_the_normalised_text(wordpiece, words, blanks, shout):
    separated = "".join(word + blanks[i % len(blanks)] for i, word in enumerate(words))
    ids = wordpiece.tokenize([separated.upper() if shout else separated])
    assert UNKNOWN_ID not in ids.flat_values
    plain = " ".join(words).lower().translate(str.maketrans("áàâãéêíóôõúç", "aaaaeeiooouc"))
    assert wordpiece.detokenize(ids).numpy()[0].decode() == plain


@settings(max_examples=40, deadline=None)
@given(words=st.lists(st.sampled_from([*WORDS, ".", ",", "?"]), min_size=1), blanks=st.lists(BLANKS, min_size=1))
def test_wordpiece_with_case_returns_the_words(cased, words, blanks):
    separated = "".join(word + blanks[i % len(blanks)] for i, word in enumerate(words))
    assert back_and_forth(cased, [separated]) == [" ".join(words)]


@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(st.one_of(st.sampled_from([*WORDS, *"'`-\"_.s", "n't", "'s", "``"]), ANY_TEXT, BLANKS)))
def test_detokenizing_is_idempotent(wordpiece, cased, pieces):
    for tokenizer in (wordpiece, cased):
        ids = tokenizer.tokenize(["".join(pieces)])
        once = tokenizer.detokenize(ids).numpy()[0].decode()
        if UNKNOWN_ID not in ids.flat_values:
            assert back_and_forth(tokenizer, [once]) == [once]


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.one_of(st.binary(max_size=80), ANY_TEXT.map(str.encode)), min_size=1, max_size=6))
@example(texts=[b"", b" ", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", b"abc\x80def", b"\xf4\x90\x80\x80"])
def test_any_bytes_are_tokenised_within_the_vocabulary_between_start_and_end(tokenizer, texts):
    for ids in tokenizer.tokenize(tf.constant(texts)).to_list():
        assert ids[0] == START_ID and ids[-1] == END_ID
        assert not {PADDING_ID, START_ID, END_ID} & set(ids[1:-1])
        assert min(ids) >= 0 and max(ids) < tokenizer.get_vocab_size()
    tokenizer.detokenize(tokenizer.tokenize(tf.constant(texts)))


@settings(max_examples=12, deadline=None)
@given(texts=st.lists(st.one_of(ANY_TEXT, st.sampled_from(TEXTS)), min_size=2, max_size=6))
def test_a_batch_is_tokenised_as_its_sentences_one_by_one(tokenizer, texts):
    together = tokenizer.tokenize(tf.constant(texts))
    assert together.to_list() == [tokenizer.tokenize(tf.constant([text])).to_list()[0] for text in texts]
    alone = [tokenizer.detokenize(together[i : i + 1]).numpy()[0] for i in range(len(texts))]
    assert tokenizer.detokenize(together).numpy().tolist() == alone


@pytest.mark.parametrize("word", [*RESERVED_TOKENS, "<s>", "</s>", "<pad>", "<unk>", "<0x02>"])
def test_a_typed_control_word_is_text(tokenizer, word):
    for text in (word, word.lower(), f"o gato {word}", word * 2):
        (ids,) = tokenizer.tokenize([text]).to_list()
        assert not {PADDING_ID, START_ID, END_ID} & set(ids[1:-1])
        assert len(ids) > 3 or tokenizer.kind == "wordpiece"


def test_no_text_is_unknown_to_sentencepiece(sentencepiece):
    assert UNKNOWN_ID not in sentencepiece.tokenize(["Ψ 中文 🐈 \ue000"]).flat_values


def test_padding_start_and_end_are_ignored_when_detokenizing(tokenizer):
    ragged = tokenizer.tokenize(["O gato dorme .", "", "Onde fica a estação ?"])
    dense = ragged.to_tensor(shape=(None, 40))
    texts = tokenizer.detokenize(ragged).numpy().tolist()
    assert tokenizer.detokenize(dense).numpy().tolist() == texts
    assert tokenizer.detokenize(tf.cast(dense, tf.int32)).numpy().tolist() == texts
    assert tokenizer.detokenize(dense[:, 1:]).numpy().tolist() == texts
    assert texts[1] == b"" and b"gato dorme ." in texts[0]


def test_an_unknown_word_leaves_a_trace(wordpiece):
    assert back_and_forth(wordpiece, ["o 🐈 dorme"]) == ["o [UNK] dorme"]


def test_only_the_blank_before_the_first_word_is_taken_away(sentencepiece):
    (ids,) = sentencepiece.tokenize(["\tO gato"]).to_list()
    assert sentencepiece.lookup(tf.constant(ids[1:2])).numpy().tolist() == ["\u2581".encode()]
    assert sentencepiece.detokenize([ids[2:]]).numpy()[0] == b"\tO gato"


@pytest.mark.parametrize(
    ("torn", "joined"),
    [
        ("it ' s cold , and they ' re small", "it 's cold , and they 're small"),
        ("i ' ll , i ' d , we ' ve , i ' m", "i 'll , i 'd , we 've , i 'm"),
        ("i do n ' t know", "i do n't know"),
        ("the doctor came ` ` late ' ' .", "the doctor came `` late '' ."),
        ("a well - known - old - house", "a well-known-old-house"),
        ("a - b - c - d", "a-b-c-d"),
        ("the cat - . the dog", "the cat - . the dog"),
        ("o ' clock", "o ' clock"),
    ],
)
def test_what_splitting_tore_apart_is_joined_again(wordpiece, cased, torn, joined):
    assert back_and_forth(wordpiece, [torn, joined]) == [joined, joined]
    assert back_and_forth(cased, [torn, joined]) == [joined, joined]


def test_hyphens_beside_accents_are_joined_again(cased):
    assert back_and_forth(cased, ["é-lhe lê-o"]) == ["é-lhe lê-o"]


def test_lookup_gives_the_pieces(tokenizer):
    ids = tokenizer.tokenize(["o gato", "a"])
    pieces = tokenizer.lookup(ids)
    assert pieces.row_lengths().numpy().tolist() == ids.row_lengths().numpy().tolist()
    for row in pieces.to_list():
        assert row[0] == b"[START]" and row[-1] == b"[END]"
    joined = b"".join(pieces.to_list()[0][1:-1]).decode().replace("##", "").replace("\u2581", "")
    assert joined == "ogato"
    reserved = [token.encode() for token in RESERVED_TOKENS]
    assert tokenizer.lookup(tf.constant([[0, 1, 2, 3]])).numpy().tolist() == [reserved]
    assert tokenizer.get_reserved_tokens() == RESERVED_TOKENS


def test_a_stored_tokenizer_is_the_same(tokenizer):
    options = {} if tokenizer.kind == "sentencepiece" else {"lower_case": tokenizer.lower_case}
    again = type(tokenizer).from_bytes(tokenizer.to_bytes(), **options)
    assert again.to_bytes() == tokenizer.to_bytes()
    assert again.get_vocab_size() == tokenizer.get_vocab_size()
    assert again.tokenize(TEXTS).to_list() == tokenizer.tokenize(TEXTS).to_list()


def test_a_tokenizer_works_inside_a_graph(tokenizer):
    graph = tf.function(lambda strings: tokenizer.detokenize(tokenizer.tokenize(strings)))
    assert (
        graph(tf.constant(TEXTS)).numpy().tolist() == tokenizer.detokenize(tokenizer.tokenize(TEXTS)).numpy().tolist()
    )


def test_setting_the_seed_leaves_a_tokenizer_whole(tokenizer):
    before = tokenizer.tokenize(TEXTS).to_list()
    keras.utils.set_random_seed(1)
    assert tokenizer.tokenize(TEXTS).to_list() == before


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"must start with \[PAD\] \[UNK\] \[START\] \[END\] and hold each piece once, got 0 pieces"),
        (b"a\nb\n", r"got 2 pieces starting with \['a', 'b'\]"),
        (b"[PAD]\n[UNK]\n[END]\n[START]\n", "got 4 pieces"),
        (b"[PAD]\n[UNK]\n[START]\n[END]\na\na\n", "hold each piece once, got 6 pieces"),
        (b"[PAD]\n[UNK]\n[START]\n[END]\n\xff\n", "must be UTF-8"),
    ],
)
def test_a_broken_wordpiece_vocabulary_is_refused(data, message):
    with pytest.raises(UsageError, match=message):
        WordPieceTokenizer.from_bytes(data)


def test_a_broken_sentencepiece_model_is_refused(sentencepiece):
    model = sentencepiece.to_bytes()
    for data in (b"", b"not a model", model[: len(model) // 2]):
        with pytest.raises(UsageError, match=rf"Not a SentencePiece model, or a damaged one, of {len(data)} bytes"):
            SentencePieceTokenizer.from_bytes(data)


def test_a_sentencepiece_model_with_other_control_tokens_is_refused(sentencepiece):
    renamed = sentencepiece.to_bytes().replace(b"[START]", b"[BEGIN]", 1)
    with pytest.raises(UsageError, match=r"must start with \[PAD\] .*, this one with \[PAD\] \[UNK\] \[BEGIN\]"):
        SentencePieceTokenizer.from_bytes(renamed)


def test_sentencepiece_refuses_to_fold_case():
    with pytest.raises(UsageError, match="keeps case and accents: use --no-lower-case, or --tokenizer wordpiece"):
        SentencePieceTokenizer.train(TEXTS, 400, lower_case=True)


def test_without_tensorflow_text_the_error_says_where_there_are_wheels(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    for make in (lambda: WordPieceTokenizer(RESERVED_TOKENS), lambda: SentencePieceTokenizer(b"")):
        with pytest.raises(Failure, match=r"Text needs tensorflow-text, .* wheels for Linux and for macOS on arm64"):
            make()


@pytest.mark.parametrize(
    "text",
    ["a" * 1_000_000, "\u0301" * 10_000, "e\u0301" * 5_000, "\u202e" * 10_000],
    ids=["a megabyte of one letter", "combining marks", "marked letters", "direction marks"],
)
def test_long_monotonous_text_is_tokenised(tokenizer, text):
    ids = tokenizer.tokenize([text]).flat_values.numpy()
    assert np.min(ids) >= 0 and np.max(ids) < tokenizer.get_vocab_size()
    assert (ids[0], ids[-1]) == (START_ID, END_ID)
