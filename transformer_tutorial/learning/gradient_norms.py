"""How long the gradients are: of the whole model, and of each layer. Vanishing and exploding show here first.

    (1)  norm of a layer = sqrt(Σ over its weights g²)       before clipping
    (2)  global norm = sqrt(Σ over all layers norm²)

The optimizer is where gradients pass by, so it keeps the norms, in a variable of its own: they are part of a
checkpoint, and a resumed epoch reports what an unbroken one does.

Next: report.py
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from transformer_tutorial.learning.callbacks import Position
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.runtime.distributed_fit import without_loss_scaling

LAST, SUM, MAX = range(3)  # rows of the optimizer's variable


def with_gradient_norms(optimizer: type[keras.optimizers.Optimizer]) -> type[keras.optimizers.Optimizer]:
    """A subclass whose `gradient_norms`, float32, (3, variables), holds the last norm of each variable's gradient, the
    sum of its squares since it was set to zero, and the largest."""

    class WithGradientNorms(optimizer):
        def build(self, variables):
            super().build(variables)
            self.gradient_norms = self.add_variable(
                shape=(3, len(variables)), initializer="zeros", dtype="float32", name="gradient_norms"
            )

        def apply(self, grads, trainable_variables=None):
            grads = list(grads)
            last = ops.stack([_norm(grad) for grad in grads])
            known = ops.convert_to_tensor(self.gradient_norms)
            rows = (last, known[SUM] + last**2, ops.maximum(known[MAX], last))
            super().apply(grads, trainable_variables)
            self.gradient_norms.assign(ops.stack(rows))

    WithGradientNorms.__name__ = WithGradientNorms.__qualname__ = optimizer.__name__
    return WithGradientNorms


class GradientLog(keras.callbacks.Callback):
    """Writes the norms to TensorBoard every few steps, and keeps the epoch's for metrics.jsonl.

    The model's optimizer is one of `with_gradient_norms`. Stands before the callback that writes metrics.jsonl.

    Args:
        run: where to write.
        position: its `batch` is 0 at the beginning of an epoch that is not resumed.
        every: steps from one TensorBoard entry to the next.
    """

    def __init__(self, run: RunFolder, position: Position, every: int = 100):
        super().__init__()
        self.run, self.position, self.every = run, position, every
        self._events = tf.summary.create_file_writer(str(run.tensorboard))

    def on_epoch_begin(self, epoch, logs=None):
        if self.position.batch == 0:
            norms = without_loss_scaling(self.model.optimizer).gradient_norms
            norms.assign(np.zeros(norms.shape))

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations.numpy())
        if step % self.every:
            return
        norms = by_layer(self.model.trainable_variables, self._rows()[LAST] ** 2)
        with self._events.as_default(step=step):
            for name, norm in norms.items():
                tf.summary.scalar(f"gradient_norm/{name}", norm)
        self._events.flush()

    def record(self) -> dict[str, Any]:
        """The epoch's numbers: root mean square norm of each layer and of the whole, and which was the largest of one
        variable in one step."""
        rows = self._rows()
        variables = self.model.trainable_variables
        largest = int(rows[MAX].argmax())
        norms = by_layer(variables, rows[SUM] / max(1, self.position.batch))
        return {
            "gradient_norm": norms.pop("global"),
            "gradient_norms": norms,
            "largest_gradient": {"variable": variables[largest].path, "norm": float(rows[MAX, largest])},
        }

    def _rows(self) -> np.ndarray:
        return np.asarray(without_loss_scaling(self.model.optimizer).gradient_norms, np.float64)


def by_layer(variables: list[keras.Variable], squares: np.ndarray) -> dict[str, float]:
    """Norms of the layers, by their paths, and of all together as "global".

    Args:
        variables: in the order of `squares`.
        squares: squared norm of each variable's gradient.
    """
    layers: dict[str, float] = {}
    for variable, square in zip(variables, squares, strict=True):
        layer = variable.path.rpartition("/")[0]
        layers[layer] = layers.get(layer, 0.0) + float(square)
    norms = {layer: square**0.5 for layer, square in layers.items()}  # (1)
    return {"global": sum(norm**2 for norm in norms.values()) ** 0.5, **norms}  # (2)


def _norm(gradient):
    """Float32 scalar."""
    if isinstance(gradient, tf.IndexedSlices):  # of an embedding: a row for each token, equal ones not added up yet
        gradient = tf.convert_to_tensor(gradient)
    return ops.sqrt(ops.sum(ops.square(ops.cast(gradient, "float32"))))
