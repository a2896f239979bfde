"""One of several workers on this machine that trains from shards; TF_CONFIG says which.

python tests/distribution/sharded_program.py FOLDER
"""

import dataclasses
import json
import os
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

STRATEGY = tf.distribute.MultiWorkerMirroredStrategy() if os.environ.get("TF_CONFIG") else None

from distribution.replica_program import scope  # noqa: E402
from learning.test_sharded_training import CONFIG  # noqa: E402
from transformer_tutorial.data.corpus import open_corpus  # noqa: E402
from transformer_tutorial.data.sharded_corpus import prepare_sharded  # noqa: E402
from transformer_tutorial.data.shards import Shards  # noqa: E402
from transformer_tutorial.learning.feed import Feed  # noqa: E402
from transformer_tutorial.learning.training import build_trainer  # noqa: E402


class WatchedShards(Shards):
    """Remembers which shards it has read."""

    def __init__(self, folder):
        super().__init__(folder)
        self.numbers = set()

    def read(self, number):
        self.numbers.add(number)
        return super().read(number)


def main(folder: Path) -> None:
    shape = {"num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 8, "dropout_rate": 0.0}
    config = dataclasses.replace(CONFIG, **shape, accumulate=2, clip_norm=0.5, warmup_steps=20)
    prepared = prepare_sharded(open_corpus(str(folder / "corpus")), config, folder / "cache")
    shards = WatchedShards(prepared.train.folder)
    prepared = prepared._replace(train=shards)
    keras.utils.set_random_seed(0)
    feed = Feed(config, prepared)
    with scope(STRATEGY):
        trainer = build_trainer(config, prepared, 100)
    history = []
    for epoch in range(2):
        fitted = trainer.fit(feed.dataset(epoch, 0, STRATEGY), steps_per_epoch=feed.steps(epoch), verbose=0)
        history.append({name: values[0] for name, values in fitted.history.items()})
    logits = trainer.model((np.array([[2, 5, 6, 7, 3]]), np.array([[2, 8, 9]])))
    print(json.dumps({"history": history, "read": sorted(shards.numbers), "logits": np.asarray(logits).tolist()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
