"""Which epoch's model is kept, and when more epochs are not worth their time.

Both are read off metrics.jsonl, so that a resumed run decides as if it had never stopped.

Next: samples.py
"""

from collections.abc import Sequence
from typing import Any

import keras

from transformer_tutorial.config import Config
from transformer_tutorial.learning.run_folder import RunFolder

Records = Sequence[dict[str, Any]]


def best_epoch(records: Records, select: str) -> int:
    """The epoch with the lowest validation loss, or with the highest BLEU; the earlier of equals, 0 for no records.

    Args:
        records: of metrics.jsonl, in order.
        select: "bleu"; otherwise the loss decides.
    """
    badness = [-record["bleu"] if select == "bleu" else record["val_loss"] for record in records]
    return records[badness.index(min(badness))]["epoch"] if records else 0


def best_step(run: RunFolder, select: str, epochs: int) -> dict[str, int] | None:
    """The best of the first `epochs` epochs and its last step; None if the last epoch counts, or none is done."""
    records = {record["epoch"]: record for record in run.read_metrics(epochs)}
    if select == "last" or not records:
        return None
    epoch = best_epoch(list(records.values()), select)
    return {"step": records[epoch]["step"], "epoch": epoch}


def is_exhausted(records: Records, config: Config) -> bool:
    """Whether the last `patience` epochs brought nothing better."""
    if not config.patience or not records:
        return False
    return records[-1]["epoch"] - best_epoch(records, config.select) >= config.patience


class KeepModel(keras.callbacks.Callback):
    """Stores model.keras when the epoch is the one to keep, and ends training when it is exhausted.

    Stands behind `Report`, which writes the epoch's record.

    Args:
        run: where to store.
        config: `select` and `patience`.
    """

    def __init__(self, run: RunFolder, config: Config):
        super().__init__()
        self.run, self.config = run, config

    def on_epoch_end(self, epoch, logs=None):
        records = self.run.read_metrics()
        if self.config.select == "last" or best_epoch(records, self.config.select) == epoch + 1:
            self.run.save_model(self.model.model)
        if is_exhausted(records, self.config):
            self.model.stop_training = True
