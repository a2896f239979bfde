"""An untrained model of two tiny languages, as a run folder, and text that is not easy to translate."""

import functools
from pathlib import Path

import numpy as np

from tiny_transformer import tiny_transformer
from transformer_tutorial.config import Config
from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.model import Transformer

PORTUGUESE = ["o gato dorme na casa.", "a casa é grande.", "o cão vê o gato!", "eu gosto da casa grande."]
ENGLISH = ["the cat sleeps in the house.", "the house is big.", "the dog sees the cat!", "i like the big house."]
MAX_TOKENS = 20
HOSTILE = [
    b"",
    b" \t\xc2\xa0\xe2\x80\xa8",
    b"o\xff\xfe gato",
    b"\xed\xa0\x80 a casa",
    b"\xef\xbb\xbfo gato",
    b"a\0b\r c",
    b"\xc3",
    b"o gato " * 3000,
]
LINES = [*(line.encode() for line in PORTUGUESE), *HOSTILE]


@functools.cache
def tiny_tokenizers(kind: str) -> TokenizerPair:
    """Two vocabularies that differ from each other."""
    size = {"wordpiece": 60, "sentencepiece": 360}[kind]
    lower_case = kind == "wordpiece"
    return TokenizerPair.train(3 * PORTUGUESE, 3 * ENGLISH, kind=kind, vocab_size=size, lower_case=lower_case)


def tiny_model(kind: str, **changes) -> Transformer:
    """Weights large enough that each source has another translation."""
    tokenizers = tiny_tokenizers(kind)
    sizes = {
        "input_vocab_size": tokenizers.source.get_vocab_size(),
        "target_vocab_size": tokenizers.target.get_vocab_size(),
    }
    model, draw = tiny_transformer(**{"num_layers": 2, "norm": "pre", **sizes, **changes}), np.random.default_rng(2)
    model.set_weights([draw.normal(0, 0.6, w.shape) if len(w.shape) == 2 else w for w in model.get_weights()])
    if model.tied_embeddings == "none":  # as a trained one, it never says [PAD] or [START]
        model.final_layer.bias.assign([-1e4, 0, -1e4, *[0] * (model.target_vocab_size - 3)])
    return model


def make_run(folder: Path, kind: str) -> Path:
    """A run folder with a config, tokenizers and a model."""
    tiny_tokenizers(kind).save(folder / "tokenizers")
    tiny_model(kind).save(folder / "model.keras")
    config = Config(tokenizer=kind, lower_case=kind == "wordpiece", max_tokens=MAX_TOKENS)
    (folder / "config.json").write_text(config.to_json())
    return folder
