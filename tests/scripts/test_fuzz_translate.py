"""The fuzz test in small; and whether it would notice a translator with a weakness."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest
import tensorflow as tf

from tiny_transformer import tiny_transformer
from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.decoding.translator import Translator

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fuzz_translate.py"


def load_script():
    spec = importlib.util.spec_from_file_location("fuzz_translate", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


fuzz_translate = load_script()


def failures(translate, count: int = 190) -> dict[str, set[str]]:
    """Kinds of strings that failed, by what failed."""
    result = fuzz_translate.fuzz(translate, fuzz_translate.Options(count=count))
    assert result["strings"] == count
    found = {}
    for one in result["failures"]:
        found.setdefault(one["what"], set()).add(one["kind"])
    return found


def faultless(texts) -> list[str]:
    return [" ".join(text.split())[:30].upper() for text in texts]


def test_a_faultless_translator_has_no_failures():
    assert failures(faultless) == {}


def test_a_crash_is_traced_to_the_strings_and_the_others_are_checked_nevertheless():
    def translate(texts):
        if any("\0" in text for text in texts):
            raise ValueError("NUL")
        return faultless(f"{text}!" if len(texts) > 1 and text.startswith("Onde") else text for text in texts)

    found = failures(translate)
    assert {"nul", "controls"} <= found["crash"] and "emoji" not in found["crash"]
    assert found["neighbours"] == {"neighbour"} and set(found) == {"crash", "neighbours"}


def test_a_crash_that_no_string_causes_alone_is_noticed():
    def translate(texts):
        if len(texts) > 1:
            raise RuntimeError("too many")
        return faultless(texts)

    assert failures(translate) == {"crash": {"only together"}}


def test_an_answer_that_depends_on_its_place_is_noticed():
    found = failures(lambda texts: [*faultless(texts[:-1]), "last"])
    assert {"order", "neighbours"} <= set(found)


def test_a_lost_answer_is_noticed():
    found = failures(lambda texts: [answer for answer in faultless(texts) if answer or len(texts) == 1])
    assert found["order"] == {"all"}


@pytest.mark.parametrize("bad", ["a\nb", "a\rb"])
def test_an_answer_of_two_lines_is_noticed(bad):
    found = failures(lambda texts: [bad if "😀" in text else faultless([text])[0] for text in texts])
    assert "emoji" in found["one line a string"]


def test_an_answer_to_a_blank_string_is_noticed():
    assert {"empty", "blank"} == failures(lambda texts: [answer or "?" for answer in faultless(texts)])[
        "one line a string"
    ] & {"empty", "blank"}


def test_the_strings_are_what_they_are_called_and_the_same_for_the_same_seed():
    strings = list(fuzz_translate.hostile_strings(1000, 0))
    assert strings == list(fuzz_translate.hostile_strings(1000, 0)) != list(fuzz_translate.hostile_strings(1000, 1))
    kinds = Counter(kind for kind, _ in strings)
    assert set(kinds) == set(fuzz_translate.KINDS) and kinds["very long"] == 10 and min(kinds.values()) >= 10
    by_kind = {kind: "".join(text for one, text in strings if one == kind) for kind in kinds}
    assert all(len(text) == 100_000 for kind, text in strings if kind == "very long")
    assert (
        by_kind["empty"] == "" and by_kind["blank"].strip("\u200b\u200c\u200d\u2060\ufeff \t\u00a0\u202f\u3000") != "a"
    )
    assert "\0" in by_kind["nul"] and "▁" in by_kind["word marks"] and "\u2028" in by_kind["line separators"]
    assert "\u202e" in by_kind["bidirectional"] and any("\ud800" <= c <= "\udfff" for c in by_kind["lone surrogates"])


@pytest.fixture(scope="module")
def translators(tiny_corpus):
    """One for each kind of tokenizer, untrained, with answers that depend on the source."""
    texts = [(tiny_corpus / f"{language}.train").read_text().splitlines() for language in ("pt", "en")]

    def build(kind):
        pair = TokenizerPair.train(*texts, kind=kind, vocab_size=400, lower_case=kind == "wordpiece")
        sizes = pair.source.get_vocab_size(), pair.target.get_vocab_size()
        return Translator(pair, tiny_transformer(input_vocab_size=sizes[0], target_vocab_size=sizes[1]), max_tokens=12)

    return build


@pytest.mark.parametrize("kind", ["wordpiece", "sentencepiece"])
@pytest.mark.parametrize("beam_size", [1, 2])
def test_no_string_harms_the_translator(translators, kind, beam_size):
    translator = translators(kind)
    assert failures(lambda texts: translator.translate(texts, beam_size), 130) == {}


class OneAtATime(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def __call__(self, sentence):
        return tf.strings.upper(sentence)


class Many(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="sentences")])
    def translate(self, sentences):
        return {"translations": tf.strings.upper(sentences)}


@pytest.mark.parametrize("module", [OneAtATime(), Many()])
def test_a_saved_model_is_called_as_it_wants_to_be(module, tmp_path):
    signatures = {"serving_default": module.translate} if isinstance(module, Many) else None
    tf.saved_model.save(module, str(tmp_path), signatures=signatures)
    translate = fuzz_translate.savedmodel_translate(tmp_path)
    assert translate(["um", "", "a\0b"]) == ["UM", "", "A\0B"]
    assert translate(["a\ud800b"]) == ["A\ufffd\ufffd\ufffdB"]
