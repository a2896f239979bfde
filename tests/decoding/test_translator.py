import types

import numpy as np
import pytest
import tensorflow as tf

from tiny_transformer import tiny_transformer
from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.decoding import translator as translator_module
from transformer_tutorial.decoding.beam import BeamSearch
from transformer_tutorial.decoding.plain_step import PlainStep
from transformer_tutorial.decoding.sampling import SamplingSearch
from transformer_tutorial.decoding.translator import ExportTranslator, Translator, print_translation
from transformer_tutorial.token_ids import END_ID, PADDING_ID, START_ID

pytest.importorskip("tensorflow_text")

PORTUGUESE = ["o gato dorme na casa.", "a casa é grande.", "o cão vê o gato!", "eu gosto da casa grande."]
ENGLISH = ["the cat sleeps in the house.", "the house is big.", "the dog sees the cat!", "i like the big house."]
NEW = [
    "o gato vê a casa grande.",
    "a casa.",
    "o cão dorme na casa e o gato vê o cão na casa grande!",
    "eu gosto do gato",
]
LIMIT = 32  # of a translation from up to eight tokens


@pytest.fixture(scope="module")
def tokenizers():
    return TokenizerPair.train(PORTUGUESE, ENGLISH, kind="wordpiece", vocab_size=60, lower_case=True)


@pytest.fixture(scope="module")
def translator(tokenizers):
    sizes = tokenizers.source.get_vocab_size(), tokenizers.target.get_vocab_size()
    model = tiny_transformer(seed=3, num_layers=2, input_vocab_size=sizes[0], target_vocab_size=sizes[1])
    for part in (model.encoder, model.decoder):  # as far apart as trained ones, so that translations differ
        table = part.pos_embedding.embedding.embeddings
        table.assign(40.0 * table)
    ids = np.arange(model.target_vocab_size)
    model.final_layer.bias.assign(np.where(np.isin(ids, [PADDING_ID, START_ID]), -1e4, 0.0))
    return Translator(tokenizers, model)


def test_the_notebooks_call_returns_text_tokens_and_the_last_cross_attention(translator, tokenizers):
    text, tokens, attention = translator(tf.constant(NEW[0]), max_length=12)
    source_length = int(tokenizers.source.tokenize([NEW[0]]).row_lengths()[0])
    assert text.shape == () and text.dtype == tf.string
    assert tokens.shape.rank == 1 and tokens[0] == b"[START]" and 2 < len(tokens) <= 12
    assert attention.shape == (1, 2, len(tokens) - 1, source_length)
    np.testing.assert_allclose(np.sum(attention, axis=-1), 1.0, atol=1e-6)
    ids = np.array([[tokenizers.target.vocabulary.index(token.decode()) for token in tokens.numpy()]])
    maps = translator.transformer.attention_maps((tokenizers.source.tokenize([NEW[0]]).to_tensor(), ids[:, :-1]))
    np.testing.assert_allclose(attention, maps.cross[-1], atol=1e-6)
    assert text.numpy() == tokenizers.target.detokenize(ids)[0].numpy()


def test_many_sentences_are_translated_as_the_notebooks_call_translates_each(translator):
    texts = ["a casa.", "o gato", "o cão vê"]
    assert all(len(translator.align(text).source_tokens) <= 8 for text in texts)
    together = translator.translate(texts)
    assert together == [translator(text, max_length=LIMIT)[0].numpy().decode() for text in texts]
    assert len(set(together)) > 1


def test_a_predicted_padding_token_does_not_cut_the_notebooks_translation(translator, monkeypatch):
    ids = np.array([[2, 5, 0, 6, 3, 0]], np.int32)
    found = types.SimpleNamespace(ids=tf.constant(ids))
    monkeypatch.setattr(translator_module, "greedy_search", lambda *arguments: found)
    _, tokens, _ = translator("a casa.")
    assert len(tokens) == 5 and tokens[-1] == b"[END]"


def test_a_blank_sentence_gives_a_blank_translation(translator):
    first, *blank, last = translator.translate([NEW[0], "", " \t", NEW[1]])
    assert blank == ["", ""]
    assert [first, last] == translator.translate([NEW[0], NEW[1]])
    assert translator.translate([]) == []


def texts_of(found):
    return [best.text for best, *_ in found]


def test_a_stream_is_translated_in_order_some_batches_at_a_time(translator):
    asked = []
    stream = (asked.append(text) or text for text in NEW)
    parts = translator.stream(stream, batch_size=1, ahead=3)
    first = next(parts)
    assert len(asked) == 3 >= len(first)
    assert texts_of(first) + [text for part in parts for text in texts_of(part)] == translator.translate(NEW)


def test_a_translation_is_given_on_when_all_before_it_are_there(translator):
    short, middle, long = sorted((NEW[0], f"{NEW[0]} {NEW[1]}", " ".join(NEW) * 3), key=len)
    parts = [len(part) for part in translator.stream([short, long, middle, short], batch_size=1)]
    assert parts == [1, 3]  # the shorter ones are searched first, and wait for the long one


def test_a_stream_that_pauses_is_translated_as_far_as_it_has_come(translator):
    read, pauses = [], iter([False, True, False, False])
    parts = translator.stream((read.append(n) or NEW[0] for n in range(4)), paused=lambda: next(pauses))
    assert [(len(part), len(read)) for part in parts] == [(2, 2), (2, 4)]


def test_a_beam_is_searched_when_one_is_asked_for(translator):
    assert translator.translate(NEW, beam_size=4, length_penalty=0.0) != translator.translate(NEW)


def test_all_that_a_search_finds_comes_with_its_score_best_first(translator):
    found = translator.translations([*NEW, " "], BeamSearch(3))
    assert texts_of(found) == translator.translate([*NEW, ""], beam_size=3)
    for each in found:
        assert len(each) == 3 and [one.score for one in each] == sorted((one.score for one in each), reverse=True)
    assert {one.text for one in found[-1]} == {""} and all(len({one.text for one in each}) > 1 for each in found[:-1])


def test_what_was_cut_at_the_length_limit_is_told(translator):
    bias = translator.transformer.final_layer.bias
    kept = bias.numpy()
    found = {}
    for push in (-1e4, 1e4):  # never an end, and nothing but an end
        bias.assign(kept + push * (np.arange(len(kept)) == END_ID))
        found[push] = [best.cut for best, *_ in translator.translations(NEW)]
    bias.assign(kept)
    assert found == {-1e4: [True] * 4, 1e4: [False] * 4}


def test_samples_are_drawn_again_by_the_same_seed(translator):
    first, again, other = (translator.translations(NEW, SamplingSearch(seed=seed, samples=2)) for seed in (1, 1, 2))
    assert first == again != other


def test_the_plain_step_gives_the_same_text(tokenizers, translator):
    plain = Translator(tokenizers, translator.transformer, make_step=PlainStep)
    assert plain.translate(NEW) == translator.translate(NEW)


def test_sources_that_are_too_long_are_cut_and_counted(tokenizers, translator):
    short = Translator(tokenizers, translator.transformer, max_tokens=6)
    assert short.translate(NEW[2:3]) == short.translate([NEW[2], "a"])[:1]
    assert short.truncated == 2
    assert len(short.align(NEW[2]).source_tokens) == 6


def test_an_alignment_has_a_row_for_each_predicted_token(translator, tokenizers):
    alignment = translator.align(NEW[0])
    assert alignment.text == translator.translate([NEW[0]])[0]
    assert alignment.source_tokens[0] == "[START]" and alignment.source_tokens[-1] == "[END]"
    assert "".join(alignment.source_tokens[1:-1]).replace("##", "") == "ogatoveacasagrande."
    sources, targets = len(alignment.source_tokens), len(alignment.target_tokens)
    assert alignment.target_tokens[0] != "[START]" and targets > 1
    assert alignment.maps.encoder.shape == (2, 1, 2, sources, sources)
    assert alignment.maps.decoder.shape == (2, 1, 2, targets, targets)
    assert alignment.maps.cross.shape == (2, 1, 2, targets, sources)
    for weights in alignment.maps:
        np.testing.assert_allclose(np.sum(weights, axis=-1), 1.0, atol=1e-6)


@pytest.mark.tensorflow
def test_an_exported_translator_gives_the_same_text(translator, tmp_path):
    translator.translate(NEW[:1])  # what it has compiled so far must not stand in the way
    export = ExportTranslator(translator)
    tf.saved_model.save(export, tmp_path / "translator")
    loaded = tf.saved_model.load(tmp_path / "translator")
    assert loaded(tf.constant(NEW[0])) == export(NEW[0]) == translator(NEW[0])[0]


def test_the_tutorials_tokenizers_are_found_by_language(tokenizers, translator):
    converter = types.SimpleNamespace(pt=tokenizers.source, en=tokenizers.target)
    assert Translator(converter, translator.transformer).translate(NEW[:1]) == translator.translate(NEW[:1])


def test_a_translation_is_printed_as_in_the_notebook(capsys):
    print_translation("a casa.", tf.constant("the house."), "the house .")
    assert capsys.readouterr().out.splitlines() == [
        "Input:         : a casa.",
        "Prediction:    : the house.",
        "Ground truth:  : the house .",
    ]
