"""The engine's answers against ours. The tests that need the package ctranslate2 skip where it is absent."""

import json
import sys

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow_text")

from export.tiny_run import ENGLISH, PORTUGUESE, tiny_model, tiny_tokenizers
from transformer_tutorial.data.tokenizer_pair import TokenizerPair, encode
from transformer_tutorial.export.ctranslate2 import ctranslate2, export_ctranslate2, vocabulary
from transformer_tutorial.runtime.errors import Failure


def open_engine(folder, **options):
    engine = pytest.importorskip("ctranslate2")
    return engine.Translator(str(folder), intra_threads=1, **options)


@pytest.mark.parametrize(
    "changes",
    [
        {"norm": "pre"},
        {"norm": "post"},
        {"norm": "post", "tied_embeddings": "output"},
        {"norm": "pre", "head_dim": 8, "num_decoder_layers": 1},
    ],
    ids=lambda changes: " ".join(map(str, changes.values())),
)
def test_each_token_has_the_probability_that_we_give_it(changes, tmp_path):
    pytest.importorskip("ctranslate2")
    model, pair = tiny_model("wordpiece", **changes), tiny_tokenizers("wordpiece")
    export_ctranslate2(model, pair, tmp_path, None)
    source, target = (
        [[tokenizer.vocabulary[number] for number in ids] for ids in encode(tokenizer, texts, 40).ids]
        for tokenizer, texts in ((pair.source, PORTUGUESE), (pair.target, ENGLISH))
    )
    scored = open_engine(tmp_path).score_batch([row[1:-1] for row in source], [row[1:-1] for row in target])
    for source_text, target_text, answer in zip(PORTUGUESE, ENGLISH, scored, strict=True):
        ids = pair.target.tokenize([target_text]).to_tensor().numpy()
        logits = model((pair.source.tokenize([source_text]).to_tensor(), ids[:, :-1]))
        expected = keras.ops.log_softmax(logits)[0].numpy()[np.arange(ids.shape[1] - 1), ids[0, 1:]]
        np.testing.assert_allclose(answer.log_probs, expected, atol=1e-3)
        assert np.ptp(expected) > 1


def test_one_vocabulary_for_both_languages_is_stored_once(tmp_path):
    both = tiny_tokenizers("sentencepiece").source
    pair = TokenizerPair(both, both)
    changes = {"target_vocab_size": both.get_vocab_size(), "tied_embeddings": "all", "dtype": "mixed_bfloat16"}
    model = tiny_model("sentencepiece", **changes)
    model.set_weights([np.round(weights, 2) for weights in model.get_weights()])
    pytest.importorskip("ctranslate2")
    export_ctranslate2(model, pair, tmp_path, None)
    assert json.loads((tmp_path / "shared_vocabulary.json").read_text()) == vocabulary(both)
    table = model.encoder.pos_embedding.embedding.embeddings.numpy()
    stored = (tmp_path / "model.bin").read_bytes()
    assert stored.count(table.tobytes()) == 1  # as the source's, the target's and the projection


def test_matrices_are_stored_in_eight_bits_where_that_is_asked_for(tmp_path):
    pytest.importorskip("ctranslate2")
    model, pair = tiny_model("wordpiece"), tiny_tokenizers("wordpiece")
    for name in (None, "int8"):
        (tmp_path / str(name)).mkdir()
        export_ctranslate2(model, pair, tmp_path / str(name), name)
    table = model.decoder.pos_embedding.embedding.embeddings.numpy().tobytes()
    assert [table in (tmp_path / name / "model.bin").read_bytes() for name in ("None", "int8")] == [True, False]
    assert open_engine(tmp_path / "int8", compute_type="int8").compute_type == "int8_float32"


def test_without_the_package_one_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    monkeypatch.delitem(sys.modules, "ctranslate2.specs", raising=False)
    with pytest.raises(Failure, match="needs the package ctranslate2, which cannot be imported: .* pip install"):
        ctranslate2()
