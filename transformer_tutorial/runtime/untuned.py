"""Datasets that let go at once.

tf.data starts a thread beside each iteration that tunes buffers and parallel calls. It sleeps between two looks, and
who ends the iteration waits until it wakes, up to 2.5 seconds: at the end of each `fit`, after each file. Where nothing
is to be tuned it is better not begun.
"""

import tensorflow as tf


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The same elements, without that thread."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
