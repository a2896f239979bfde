"""The TensorFlow Transformer tutorial, correct and fast on Keras 3.

    from transformer_tutorial import Transformer, CustomSchedule, masked_loss, masked_accuracy

Reading order, each file after those it needs:

    layers/    positions, masks, attention, feed_forward, encoder, decoder
    model.py   Transformer = encoder + decoder + projection
    data/      corpus, phrasebook, ted, tokenizers, prepared, batches
    learning/  schedule, loss, trainer, checkpoints, run_folder, callbacks, training
    decoding/  plain_step, greedy, beam, search, translator
    fast/      twins of readable files: same answers, less time
    commands/  what `python -m transformer_tutorial` does

Letters, everywhere:

    B  batch            T  target length     S  source length    V  vocabulary
    H  heads            D  width of a head   L  layers           d_model  width of the model

Public names are loaded when they are first asked for, so that `--help` does not wait for TensorFlow.
"""

import importlib
import importlib.abc
import importlib.util
import sys

_HOMES = {
    "layers.positions": ("PositionalEmbedding", "positional_encoding"),
    "layers.masks": (
        "causal_allowed",
        "create_look_ahead_mask",
        "create_masks",
        "create_padding_mask",
        "padding_allowed",
    ),
    "layers.attention": (
        "BaseAttention",
        "CausalSelfAttention",
        "CrossAttention",
        "GlobalSelfAttention",
        "MultiHeadAttention",
        "scaled_dot_product_attention",
    ),
    "layers.feed_forward": ("FeedForward",),
    "layers.encoder": ("Encoder", "EncoderLayer"),
    "layers.decoder": ("Decoder", "DecoderLayer"),
    "model": ("AttentionMaps", "Transformer"),
    "data.batches": ("make_batches", "prepare_batch"),
    "data.corpus": ("open_corpus",),
    "data.tokenizers": ("SentencePieceTokenizer", "WordPieceTokenizer"),
    "data.tokenizer_pair": ("TokenizerPair",),
    "learning.schedule": ("CustomSchedule",),
    "learning.loss": ("masked_accuracy", "masked_loss"),
    "learning.trainer": ("TranslationTrainer",),
    "decoding.beam": ("beam_search",),
    "decoding.greedy": ("greedy_search",),
    "decoding.translator": ("ExportTranslator", "Translator", "print_translation"),
    "attention_figures": ("plot_attention_head", "plot_attention_weights"),
    "config": ("PRESETS", "Config"),
    "runtime.distributed_fit": ("DistributedFit",),
    "runtime.safe_checkpoint": ("SafeCheckpoint",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_REGISTERED_IN = ("model", "learning.schedule", "learning.loss")

__all__ = sorted(_HOME_OF)


def __getattr__(name: str):
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__():
    return sorted({*globals(), *__all__})


def _register() -> None:
    """Imports what Keras must know in order to load a stored model."""
    for home in _REGISTERED_IN:
        importlib.import_module(f"{__name__}.{home}")


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Registers our layers right after Keras is imported, so that `import transformer_tutorial` is enough to load."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("keras")
        if spec is not None:
            load = spec.loader.exec_module

            def exec_module(module):
                load(module)
                # If one of our own files imports Keras, it and those it needs are on their way in already.
                if not any(name.startswith(f"{__name__}.layers") for name in sys.modules):
                    _register()

            spec.loader.exec_module = exec_module
        return spec


if "keras" in sys.modules:
    _register()
else:
    sys.meta_path.insert(0, _AfterKeras())
