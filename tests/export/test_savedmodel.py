"""What `tf.saved_model.load` gives is asked for all that `Translator` answers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("tensorflow_text")

from export.tiny_run import ENGLISH, LINES, MAX_TOKENS, PORTUGUESE, tiny_model, tiny_tokenizers
from transformer_tutorial.decoding.beam import BeamSearch
from transformer_tutorial.decoding.greedy import GreedySearch
from transformer_tutorial.decoding.translator import Translator
from transformer_tutorial.export.limits import Limits
from transformer_tutorial.export.savedmodel import TextGraph, export_savedmodel
from transformer_tutorial.runtime.errors import UsageError

STRINGS = [line.decode("utf-8", "replace") for line in LINES]
MOST = 3  # sentences together


@pytest.fixture(scope="module")
def translator():
    return Translator(tiny_tokenizers("sentencepiece"), tiny_model("sentencepiece"), MAX_TOKENS)


@pytest.fixture(scope="module")
def loaded(translator, tmp_path_factory):
    """A SavedModel with beam search."""
    folder = tmp_path_factory.mktemp("savedmodel")
    keras.utils.set_random_seed(1)  # takes SentencePiece's models away from TensorFlow
    limits = Limits(MAX_TOKENS, batch_size=MOST)
    export_savedmodel(translator.transformer, translator.tokenizers, BeamSearch(3, 0.6), limits, folder)
    return tf.saved_model.load(folder).signatures


def translate(loaded, lines) -> list[str]:
    return [text.decode() for text in loaded["serving_default"](texts=tf.constant(lines))["translation"].numpy()]


def test_text_is_that_of_the_translator_whatever_it_is(loaded, translator):
    expected = translator.translate(STRINGS, beam_size=3, length_penalty=0.6)
    assert len(set(expected)) > 8
    assert translate(loaded, LINES) == expected


def test_a_sentence_has_the_same_translation_beside_any_others(loaded):
    together, draw = translate(loaded, LINES), np.random.default_rng(0)
    for size in (1, 2, 7):
        chosen = draw.permutation(len(LINES))[:size]
        assert translate(loaded, [LINES[i] for i in chosen]) == [together[i] for i in chosen]


def test_no_sentences_have_no_translations(loaded):
    assert loaded["translate"](texts=tf.constant([], tf.string))["translation"].shape == (0,)


def test_blank_text_has_a_blank_translation(loaded):
    blanks = [" ", "\t\n\x0b\f\r", "\x1c\x1d\x1e\x1f", "\x85\xa0\u2028\u3000", "\u200b", "."]
    found = translate(loaded, [text.encode() for text in blanks])
    assert [not text for text in found] == [not text.strip() for text in blanks]


def test_attention_is_that_of_each_sentence_alone(loaded, translator):
    found = {name: value.numpy() for name, value in loaded["attention"](texts=tf.constant(LINES[:MOST])).items()}
    for number in range(MOST):
        alone = translator.align(STRINGS[number], search=BeamSearch(3, 0.6))
        sources, targets = len(alone.source_tokens), len(alone.target_tokens)
        assert found["translation"][number].decode() == alone.text
        for side, tokens in (("source", alone.source_tokens), ("target", alone.target_tokens)):
            row = [token.decode("utf-8", "replace") for token in found[f"{side}_tokens"][number]]
            assert row == tokens + [""] * (len(row) - len(tokens))
        shapes = {"encoder": (sources, sources), "decoder": (targets, targets), "cross": (targets, sources)}
        for name, (rows, columns) in shapes.items():
            weights = found[f"{name}_attention"][number]
            np.testing.assert_allclose(weights[..., :rows, :columns], getattr(alone.maps, name)[:, 0], atol=1e-5)
            assert not weights[..., rows:, :].any() and not weights[..., columns:].any()
    assert len({len(translator.align(text).source_tokens) for text in STRINGS[:MOST]}) > 1


@pytest.mark.parametrize("lines", [LINES[: MOST + 1], []], ids=["too many", "none"])
def test_attention_of_too_many_sentences_is_refused(lines, loaded):
    with pytest.raises(tf.errors.InvalidArgumentError, match="attention takes 1 to 3 texts at once"):
        loaded["attention"](texts=tf.constant(lines, tf.string))


def test_a_score_is_the_sum_of_the_tokens_log_probabilities(loaded, translator):
    targets = [ENGLISH[1], "", *ENGLISH[2:], "the big house " * 9]
    sources = [*PORTUGUESE, PORTUGUESE[0]]
    found = loaded["score"](sources=tf.constant(sources), targets=tf.constant(targets))
    for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
        source_ids, target_ids = (
            tokenizer.tokenize([text]).to_tensor().numpy()
            for tokenizer, text in ((translator.source, source), (translator.target, target))
        )
        if target_ids.shape[1] > MAX_TOKENS + 1:  # it is cut, and ends all the same
            target_ids = np.append(target_ids[:, :MAX_TOKENS], [[3]], axis=1)
        logits = translator.transformer((source_ids, target_ids[:, :-1]))
        log_p = tf.nn.log_softmax(logits)[0].numpy()[np.arange(target_ids.shape[1] - 1), target_ids[0, 1:]]
        assert float(found["log_probability"][number]) == pytest.approx(log_p.sum(), rel=1e-4)
        assert found["tokens"][number] == len(log_p)


def test_a_score_needs_a_target_for_each_source(loaded):
    with pytest.raises(tf.errors.InvalidArgumentError, match="score needs a target for each source"):
        loaded["score"](sources=tf.constant(PORTUGUESE), targets=tf.constant(ENGLISH[:3]))


def test_strings_tokens_and_output_steps_are_limited_in_the_graph():
    tokenizers, model = tiny_tokenizers("wordpiece"), tiny_model("wordpiece")
    graph = TextGraph(model, tokenizers, GreedySearch(), Limits(max_tokens=8, max_length=5, max_bytes=16))
    long, cut = b"o cao ve o gato na casa", b"o cao ve o gato "
    ids = graph._encode(tokenizers.source, tf.constant([long, cut]), 40)
    assert ids[0].numpy().tolist() == ids[1].numpy().tolist()
    few = graph._encode(tokenizers.source, tf.constant([b"a a a a a a a a", b"a"]), 6)
    assert few.row_lengths().numpy().tolist() == [6, 3] and (few[:, -1:].values.numpy() == 3).all()
    found = tf.function(graph.search, autograph=False)(few)
    assert found.ids.shape == (2, 5)
    whole = Translator(tokenizers, model, 8).translate(["o gato"])[0]
    assert whole.startswith(graph.translate(tf.constant(["o gato"]))["translation"][0].numpy().decode()[:4])


def test_two_sentencepiece_models_stay_apart_when_they_are_loaded(tmp_path):
    pair = tiny_tokenizers("sentencepiece")

    class Tokens(tf.Module):
        def __init__(self):
            super().__init__()
            self.pair = pair

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, texts):
            return self.pair.source.tokenize(texts).to_tensor(), self.pair.target.tokenize(texts).to_tensor()

    keras.utils.set_random_seed(1)
    pair.source.tokenize([""]), pair.target.tokenize([""])
    tf.saved_model.save(Tokens(), tmp_path)
    source, target = tf.saved_model.load(tmp_path)(tf.constant(["the house é grande"]))
    np.testing.assert_array_equal(source, pair.source.tokenize(["the house é grande"]).to_tensor())
    np.testing.assert_array_equal(target, pair.target.tokenize(["the house é grande"]).to_tensor())
    assert source.shape != target.shape


def test_another_backend_than_tensorflow_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UsageError, match="needs Keras on TensorFlow, it runs on jax"):
        TextGraph(None, tiny_tokenizers("wordpiece"), GreedySearch(), Limits())
