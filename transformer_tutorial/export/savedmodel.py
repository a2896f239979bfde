"""A SavedModel with strings in and strings out: tokenizers, model, cached search and limits in one graph.

It loads in a process that imports tensorflow and tensorflow_text alone, and gives the text that `translate` gives.

    serving_default   texts (B,)  ->  translation (B,)
    translate         the same
    attention         texts (B,)  ->  translation, source_tokens (B, S), target_tokens (B, T) and the weights of all
                      layers and heads: encoder_attention (B, L, H, S, S), decoder_attention (B, L, H, T, T),
                      cross_attention (B, L, H, T, S)
    score             sources (B,), targets (B,)  ->  log_probability (B,) of each target, tokens (B,) in it

B is any number, for `attention` at most `batch_size`. A string is UTF-8; what is not becomes U+FFFD. Blank gives blank.

Next: ctranslate2.py
"""

from pathlib import Path

import keras
import tensorflow as tf

from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.decoding.loop import Search
from transformer_tutorial.export.graph_search import GraphSearch, in_groups, pad, padded_widths
from transformer_tutorial.export.limits import Limits
from transformer_tutorial.model import Transformer
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.token_ids import END_ID, PADDING_ID

BLANKS = r"\t-\r\x1c-\x1f\x{85}\pZ"  # what Python's str.strip takes away
STRINGS = tf.TensorSpec([None], tf.string)


class TextGraph(tf.Module):
    """Functions of strings, to be saved.

    Args:
        model: the Transformer.
        tokenizers: its tokenizers.
        search: a `GreedySearch` or a `BeamSearch`.
        limits: of strings, sentences and batches.

    Raises:
        UsageError: Keras does not run on TensorFlow.
    """

    def __init__(self, model: Transformer, tokenizers: TokenizerPair, search: Search, limits: Limits):
        super().__init__()
        if keras.backend.backend() != "tensorflow":
            raise UsageError(
                f"A SavedModel needs Keras on TensorFlow, it runs on {keras.backend.backend()}: set "
                "KERAS_BACKEND=tensorflow."
            )
        self.model, self.source, self.target, self.limits = model, tokenizers.source, tokenizers.target, limits
        self.search = GraphSearch(model, search, limits)

    @tf.function(input_signature=[STRINGS], autograph=False)
    def translate(self, texts):
        """The translations of `texts`."""
        found = self.search(self._encode(self.source, texts, self.limits.max_tokens))
        return {"translation": self._text(found.ids, texts)}

    @tf.function(input_signature=[STRINGS], autograph=False)
    def attention(self, texts):
        """The translations of at most `batch_size` texts, with tokens and attention weights.

        Row t of a target's weights is from when target token t was predicted. Behind the end of a sentence tokens are
        empty and weights 0.
        """
        count, most = tf.size(texts), self.limits.batch_size
        message = f"attention takes 1 to {most} texts at once: its answer grows with the square of their lengths."
        with tf.control_dependencies([tf.debugging.Assert((count > 0) & (count <= most), [message, count])]):
            source = self._encode(self.source, tf.identity(texts), self.limits.max_tokens).to_tensor()
        found = self.search(tf.RaggedTensor.from_tensor(source, padding=PADDING_ID)).ids
        places = tf.where(found != PADDING_ID, tf.range(tf.shape(found)[1]), 0)
        lengths = tf.reduce_max(places, axis=1)  # without [START]
        target = found[:, : tf.reduce_max(lengths) + 1]
        maps = self.model.attention_maps((source, target[:, :-1]))
        real_source = source != PADDING_ID
        real_target = tf.range(tf.shape(target)[1] - 1) < lengths[:, None]
        return {
            "translation": self._text(found, texts),
            "source_tokens": _tokens(self.source, source, real_source),
            "target_tokens": _tokens(self.target, target[:, 1:], real_target),
            "encoder_attention": _weights(maps.encoder, real_source),
            "decoder_attention": _weights(maps.decoder, real_target),
            "cross_attention": _weights(maps.cross, real_target),
        }

    @tf.function(input_signature=[STRINGS, STRINGS], autograph=False)
    def score(self, sources, targets):
        """The log probability of each target, [END] included, given its source; and how many tokens it has."""
        tf.debugging.assert_equal(tf.size(sources), tf.size(targets), "score needs a target for each source.")
        source = self._encode(self.source, sources, self.limits.max_tokens)
        target = self._encode(self.target, targets, self.limits.max_length)

        def score(numbers):
            ids = pad(target, numbers)
            logits, labels = self.model((pad(source, numbers), ids[:, :-1])), ids[:, 1:]
            nll = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            return tf.reduce_sum(tf.where(labels != PADDING_ID, -nll, 0.0), axis=1)

        keys = padded_widths(source) * (self.limits.max_length + 8) + padded_widths(target)
        nothing = tf.zeros((target.nrows(),), tf.float32)
        return {
            "log_probability": in_groups(score, tf.argsort(keys), keys, nothing, self.limits.batch_size),
            "tokens": tf.cast(target.row_lengths(), tf.int32) - 1,
        }

    def _encode(self, tokenizer, texts, most: int) -> tf.RaggedTensor:
        """Strings (B,) -> ids, int32, ragged (B, S), S at most `most`; one that is cut still ends with [END]."""
        texts = tf.strings.unicode_transcode(tf.strings.substr(texts, 0, self.limits.max_bytes), "UTF-8", "UTF-8")
        ids = tf.cast(tokenizer.tokenize(texts), tf.int32)[:, :-1]
        return tf.concat([ids[:, : most - 1], tf.fill([ids.nrows(), 1], END_ID)], axis=1)

    def _text(self, ids, texts):
        """Ids (B, T) -> strings (B,) on one line each; blank where `texts` are."""
        text = tf.strings.unicode_transcode(self.target.detokenize(tf.cast(ids, tf.int64)), "UTF-8", "UTF-8")
        text = tf.strings.regex_replace(text, "\n", " ")
        text = tf.strings.regex_replace(text, f"^[{BLANKS}]+|[{BLANKS}]+$", "")
        return tf.where(tf.strings.regex_full_match(texts, f"[{BLANKS}]*"), "", text)


def export_savedmodel(
    model: Transformer, tokenizers: TokenizerPair, search: Search, limits: Limits, folder: Path
) -> None:
    """Writes the SavedModel into `folder`."""
    graph = TextGraph(model, tokenizers, search, limits)
    for tokenizer in (tokenizers.source, tokenizers.target):
        tokenizer.tokenize(tf.constant([""]))  # builds anew, outside the graph, what TensorFlow may have dropped
    signatures = {"serving_default": graph.translate, "translate": graph.translate}
    signatures |= {"attention": graph.attention, "score": graph.score}
    tf.saved_model.save(graph, str(folder), signatures)


def _tokens(tokenizer, ids, real):
    """Ids (B, T) -> pieces (B, T), empty where `real`, bool, (B, T), is False."""
    return tf.where(real, tokenizer.lookup(tf.cast(ids, tf.int64)), "")


def _weights(maps, real):
    """(L, B, H, T, S) -> (B, L, H, T, S), 0 in the rows where `real`, bool, (B, T), is False."""
    return tf.where(real[:, None, None, :, None], tf.transpose(maps, (1, 0, 2, 3, 4)), 0.0)
