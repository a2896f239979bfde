"""What people see of a training: a progress bar, one line an epoch, metrics.jsonl and TensorBoard.

Next: training.py
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from tqdm import tqdm

from transformer_tutorial.config import Config
from transformer_tutorial.learning.callbacks import Position
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.learning.samples import Samples
from transformer_tutorial.learning.selection import best_epoch
from transformer_tutorial.runtime.devices import peak_memory_mb


class Report(keras.callbacks.Callback):
    """One line an epoch on stderr, in metrics.jsonl and in TensorBoard; a progress bar in between.

    Args:
        run: where to write.
        position: its `seconds` is the time spent in the epoch's training steps.
        config: `epochs`, and the measure that marks the best one.
        samples: what is translated after each epoch.
        more: gives further numbers for the epoch's record.
    """

    def __init__(
        self, run: RunFolder, position: Position, config: Config, samples: Samples, more: Callable[[], dict] = dict
    ):
        super().__init__()
        self.run, self.position, self.config, self.samples, self.more = run, position, config, samples, more
        self._next_line = 0.0
        self._events = tf.summary.create_file_writer(str(run.tensorboard))

    def on_epoch_begin(self, epoch, logs=None):
        self._bar = tqdm(
            total=self.position.batches,
            initial=self.position.batch,
            desc=f"Epoch {epoch + 1}/{self.config.epochs}",
            unit="step",
            file=sys.stderr,
            leave=False,
            disable=not sys.stderr.isatty(),
        )
        self._next_line = time.monotonic() + 30

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update()
        if self._bar.disable and time.monotonic() < self._next_line:
            return
        text = f"loss {logs['loss']:.4f}  accuracy {logs['accuracy']:.4f}  {self._speed(logs):,.0f} tokens/s"
        self._bar.set_postfix_str(text, refresh=False)
        if self._bar.disable:
            done, batches = self.position.batch, self.position.batches
            left = self.position.seconds / done * (batches - done)
            where = f"epoch {self.position.epoch + 1}/{self.config.epochs} step {done}/{batches}"
            print(f"{where}  {text}  rate {self._rate():.2e}  {left:.0f} s left", file=sys.stderr, flush=True)
            self._next_line = time.monotonic() + 30

    def on_epoch_end(self, epoch, logs=None):
        self._bar.close()
        record = self._record(epoch, logs)
        self.run.append_metrics(record)
        self._write_events(record)
        best = best_epoch(self.run.read_metrics(), self.config.select) == record["epoch"]
        print(
            f"Epoch {epoch + 1}/{self.config.epochs}: loss {record['loss']:.4f}, accuracy {record['accuracy']:.4f}, "
            f"validation loss {record['val_loss']:.4f}, accuracy {record['val_accuracy']:.4f}, "
            f"{record['target_tokens_per_second']:,.0f} target tokens/s, {record['seconds']:.0f} s"
            + (f", BLEU {record['bleu']:.2f}" if "bleu" in record else "")
            + ("  * best so far" if best else ""),
            *self.samples.examples(),
            sep="\n    ",
            file=sys.stderr,
            flush=True,
        )

    def _record(self, epoch: int, logs) -> dict[str, Any]:
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        bleu = self.samples.bleu()
        return {
            "epoch": epoch + 1,
            "step": int(self.model.optimizer.iterations.numpy()),
            **{name: float(logs[name]) for name in names},
            **({} if bleu is None else {"bleu": round(bleu, 3)}),
            "learning_rate": self._rate(),
            "target_tokens": int(logs["tokens"]),
            "target_tokens_per_second": round(self._speed(logs), 1),
            "seconds": round(self.position.seconds, 2),
            "peak_memory_mb": peak_memory_mb(),
            "traces": self.model.traces,
            **self.more(),
        }

    def _speed(self, logs) -> float:
        return float(logs["tokens"]) / max(self.position.seconds, 1e-9)

    def _rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def _write_events(self, record) -> None:
        with self._events.as_default(step=record["step"]):
            for name, value in record.items():
                if isinstance(value, float):
                    tf.summary.scalar(name, value)
        self._events.flush()
