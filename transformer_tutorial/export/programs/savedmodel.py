"""Translates stdin with the SavedModel in this folder, a line for a line. Needs tensorflow and tensorflow-text alone.

python translate.py < portuguese.txt > english.txt
"""

import itertools
import sys
from pathlib import Path

import tensorflow as tf
import tensorflow_text  # noqa: F401  its operations are part of the graph

LINES_AT_ONCE = 1024

model = tf.saved_model.load(str(Path(__file__).resolve().parent))
translate = model.signatures["serving_default"]  # others: "attention" and "score"
lines = (line.rstrip(b"\r\n") for line in sys.stdin.buffer)
while some := list(itertools.islice(lines, LINES_AT_ONCE)):
    found = translate(texts=tf.constant(some))["translation"].numpy()
    sys.stdout.buffer.writelines(text + b"\n" for text in found)
    sys.stdout.buffer.flush()
