"""Twin of decoding/search.py in one TensorFlow graph: the same groups, the same rounds, the same translations.

`BatchSearch` is driven from Python: it sorts sentences by length, and leaves the graph after each round to let go those
that are done. Here loops in the graph do both, so that a SavedModel needs no Python around it.

Next: savedmodel.py
"""

from collections.abc import Callable

import tensorflow as tf

from transformer_tutorial.decoding.loop import Hypotheses, Search, extend_until, lengthen, take_sentences
from transformer_tutorial.decoding.search import ROUND, padded_width
from transformer_tutorial.export.limits import Limits
from transformer_tutorial.fast.cached_step import CachedStep
from transformer_tutorial.model import Transformer


class GraphSearch:
    """Finds the best translation of each sentence of a batch of any size.

    Args:
        model: the Transformer.
        search: a `GreedySearch` or a `BeamSearch`.
        limits: `max_length` and `batch_size` hold here.
    """

    def __init__(self, model: Transformer, search: Search, limits: Limits):
        self.model, self.search, self.limits = model, search, limits

    def __call__(self, source: tf.RaggedTensor) -> Hypotheses:
        """From ids, int32, ragged (B, S), to the best translations: ids (B, `max_length`), scores (B,)."""

        def translate(numbers):
            found = self._translate(pad(source, numbers))
            room = self.limits.max_length - tf.shape(found.ids)[1]
            return found._replace(ids=tf.pad(found.ids, [[0, 0], [0, room]]))

        nothing = _nothing_found(source.nrows(tf.int32), self.limits.max_length)
        by_length = tf.argsort(source.row_lengths(), stable=True)
        return in_groups(translate, by_length, padded_widths(source), nothing, self.limits.batch_size)

    def _translate(self, source_ids) -> Hypotheses:
        """The sentences of one group, int32, (B, S), in rounds; after each, those that are done leave."""
        rows, width = tf.unstack(tf.shape(source_ids))
        limit = tf.minimum(self.limits.max_length, 2 * width + 16)  # as `BatchSearch.length_limit`
        length = tf.minimum(ROUND, limit)
        progress = self.search.begin(CachedStep(self.model, length).start(source_ids), rows, limit)

        def one_round(length, numbers, progress, found):
            progress = progress._replace(state=lengthen(progress.state, length))
            progress = extend_until(self.search, CachedStep(self.model, length), progress, length - 1)
            done = self.search.done(progress) | (length >= limit)
            ended, going_on = (tf.cast(tf.where(chosen)[:, 0], tf.int32) for chosen in (done, ~done))
            best = tf.nest.map_structure(lambda rows: tf.gather(rows, ended), self.search.hypotheses(progress).best())
            found = _write_rows(found, tf.gather(numbers, ended), best)
            progress = take_sentences(self.search, progress, going_on)
            return tf.minimum(length + ROUND, limit), tf.gather(numbers, going_on), progress, found

        start = (length, tf.range(rows), progress, _nothing_found(rows, limit))
        return tf.while_loop(
            lambda length, numbers, progress, found: tf.size(numbers) > 0,
            one_round,
            start,
            shape_invariants=tf.nest.map_structure(_any_shape, start),
            parallel_iterations=1,
        )[-1]


def in_groups(function: Callable, order, keys, results, batch_size: int):
    """Calls `function` for groups of rows that have the same key.

    So what becomes of a row does not depend on rows with other keys.

    Args:
        function: from the numbers of at most `batch_size` rows, int32, (N,), to a structure of tensors with N rows.
        order: in which order the rows are taken, int32, (B,); equal keys come one after the other and rise.
        keys: int32, (B,).
        results: a structure of tensors with B rows, to be filled.
    """
    keys = tf.gather(keys, order)

    def one_group(start, results):
        same = tf.searchsorted(keys, keys[start, None], side="right")[0]
        numbers = order[start : tf.minimum(start + batch_size, same)]
        return start + tf.size(numbers), _write_rows(results, numbers, function(numbers))

    def some_left(start, results):
        return start < tf.size(keys)

    return tf.while_loop(some_left, one_group, (tf.constant(0), results), parallel_iterations=1)[1]


def padded_widths(ids: tf.RaggedTensor):
    """To how many tokens each row of `ids`, (B, S), is padded: int32, (B,)."""
    return padded_width(tf.cast(ids.row_lengths(), tf.int32))


def pad(ids: tf.RaggedTensor, numbers):
    """The rows `numbers` of `ids`, (B, S), padded with 0 to the width of the longest: (N, width)."""
    rows = tf.gather(ids, numbers).to_tensor()
    return tf.pad(rows, [[0, 0], [0, padded_width(tf.shape(rows)[1]) - tf.shape(rows)[1]]])


def _nothing_found(rows, length) -> Hypotheses:
    return Hypotheses(tf.zeros((rows, length), tf.int32), tf.zeros((rows,), tf.float32))


def _write_rows(results, numbers, rows):
    """`results` with `rows` at the places `numbers`; both are structures of tensors."""
    return tf.nest.map_structure(
        lambda kept, new: tf.tensor_scatter_nd_update(kept, numbers[:, None], new), results, rows
    )


def _any_shape(tensor):
    return tf.TensorShape([None] * tensor.shape.rank)
