"""`model.fit` under every `tf.distribute` strategy, with N replicas training exactly what one device trains.

    (1)  share = loss of a replica's part · its weight / Σ weights      over the replicas; Σ share = the batch's loss
    (2)  g = Σ ∂share / ∂weights                                        before anything else is done to the gradient
    (3)  each replica updates its own copy of the variables with g      and all copies stay equal

What Keras 3 does instead, and where it was reported:

keras#20585, tensorflow#72388   two workers: `fit` fails, on the shapes of the first batch and on scalar results
tensorflow#33929                gradients are clipped before they are summed: each replica clips its part
keras#17429, tf-keras#301       accumulation fails, because variables are updated across replicas inside a condition
keras#15509                     a loss function that returns a scalar counts once for each replica
keras#20703                     a part with fewer rows than the others counts as much as they do
-                               a float16 gradient that overflows on another replica than the first is applied

On one device nothing of this happens and nothing here does anything. test_upstream.py and test_workers.py in
tests/distribution/ fail when Keras heals one of them, and say what may go; all but keras#20703, to which plain `fit`
does not come, because it stops at unlike parts before.
"""

import functools
import sys
from collections.abc import Callable, Sequence

import keras

from transformer_tutorial.runtime.errors import UsageError

CHIEF_ONLY = ("CSVLogger", "ModelCheckpoint", "ProgbarLogger", "RemoteMonitor", "TensorBoard")
"""Keras's callbacks that write or show; a subclass of one of them counts, too."""


class DistributedFit:
    """A mixin for a `keras.Model` whose `fit` and `evaluate` run under a `tf.distribute` strategy.

        class MyModel(DistributedFit, keras.Model): ...

        with strategy.scope():
            model = MyModel(...)
            model.compile(optimizer=..., loss=..., metrics=...)
        model.fit(dataset of global batches, callbacks=...)

    Losses, weights, clipping, gradient accumulation, moving averages and loss scaling are those of one device and the
    same global batches. The loss is a mean over rows. One that is a mean over something else, such as tokens or sample
    weights, says so in `loss_weight`; or `compute_loss` is overridden and returns the share of equation (1) itself.
    Not those of one device are the draws of dropout, which each replica makes for itself, and the means of
    `BatchNormalization`, which are over a replica's part unless it is `synchronized`.

    With several workers the datasets of all of them give equally many batches. Only the first worker, the chief, runs
    callbacks that write; give `BackupAndRestore` a folder of each worker's own.
    """

    def loss_weight(self, x, y, sample_weight=None):
        """Number of things that the mean loss of these rows is a mean over, float scalar; by default the rows."""
        return _rows(x)

    def compile(self, optimizer="rmsprop", loss=None, **kwargs):
        if self._replicas() == 1:
            super().compile(optimizer=optimizer, loss=loss, **kwargs)
            return
        if any(getattr(one, "reduction", None) == "sum" for one in keras.tree.flatten(loss)):
            raise UsageError('a loss must be a mean under several replicas, got reduction="sum". Take its default.')
        super().compile(optimizer=optimizer, loss=keras.tree.map_structure(_shared, loss), **kwargs)
        update_each_copy(self.optimizer)

    def compile_from_config(self, config):
        """A model read from a file is compiled as it was; Keras's own does nothing where `compile` is overridden."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def fit(self, *args, callbacks=None, verbose="auto", **kwargs):
        if self._replicas() > 1 and not is_chief(self.distribute_strategy):
            callbacks = [callback for callback in _listed(callbacks) if not _writes(callback)]
            verbose = 0
        elif self._replicas() > 1 and (alone := [layer.name for layer in self._flatten_layers() if _normalises(layer)]):
            print(
                f"Warning: {', '.join(alone)}: each replica takes the mean of its part of a batch, and has none where "
                "the part has no rows. BatchNormalization(synchronized=True) takes that of the whole batch.",
                file=sys.stderr,
            )
        return super().fit(*args, callbacks=callbacks, verbose=verbose, **kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        replicas = self._replicas()
        if replicas == 1:
            return loss
        weight = keras.ops.cast(self.loss_weight(x, y, sample_weight), loss.dtype)
        # Keras has divided by the number of replicas. A part without rows has no mean.
        mean = keras.ops.where(weight > 0, loss * replicas, keras.ops.zeros_like(loss))
        share = mean * weight / sum_over_replicas([weight])[0]  # (1)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(sum_over_replicas([share])[0], sample_weight=_rows(x))
        return share

    def train_step(self, *args):
        if self._replicas() == 1:
            return super().train_step(*args)
        import tensorflow as tf

        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(*args)
        variables = self.trainable_variables
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
            loss = self.optimizer.scale_loss(loss)
        gradients = sum_over_replicas(tape.gradient(loss, variables))  # (2)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))  # (3)
        return self._results(self.compute_metrics(x, y, y_pred, sample_weight))

    def test_step(self, *args):
        if self._replicas() == 1:
            return super().test_step(*args)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(*args)
        y_pred = self(x, training=False)
        self.compute_loss(x, y, y_pred, sample_weight, training=False)
        return self._results(self.compute_metrics(x, y, y_pred, sample_weight))

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Keras's own takes the mean of all replicas' first rows here; one replica's have the same shapes."""
        if iterator is not None and self._replicas() > 1:
            if self.built and self.optimizer is not None and self.optimizer.built and self._compile_loss is None:
                return  # nothing is left to build, and the first batch is not made in vain
            local = self.distribute_strategy.experimental_local_results
            for _, _, batches in iterator:
                data_batch = keras.tree.map_structure(lambda value: local(value)[0], next(batches))
                break
            iterator = None
        super()._maybe_symbolic_build(iterator, data_batch)

    def _results(self, results: dict) -> dict:
        # Keras takes the mean over workers along the first axis, which a scalar lacks.
        several = is_multi_worker(self.distribute_strategy)
        return keras.tree.map_structure(lambda value: keras.ops.expand_dims(value, 0), results) if several else results

    def _replicas(self) -> int:
        return replicas() if keras.backend.backend() != "tensorflow" else self.distribute_strategy.num_replicas_in_sync


def replicas() -> int:
    """Number of replicas that train together, in the strategy whose scope or step this is; 1 without one."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def sum_over_replicas(values: Sequence) -> list:
    """Each value summed over the replicas, in one exchange; called in a step. None, a missing gradient, stays None.

    No gradient flows through the sums. Outside a step, where Keras builds a model, there is nothing to sum.
    """
    if replicas() == 1:
        return list(values)
    import tensorflow as tf

    if tf.distribute.in_cross_replica_context():
        return list(values)
    present = [keras.tree.map_structure(tf.stop_gradient, value) for value in values if value is not None]
    sums = iter(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, present))
    return [None if value is None else next(sums) for value in values]


def update_each_copy(optimizer: keras.optimizers.Optimizer) -> None:
    """Equation (3): from here on `optimizer` takes gradients that are summed, and no replica waits for another.

    Keras sums gradients late, after clipping, and updates variables across replicas, which no condition may hold. What
    is put in its place is Keras's own update of a single device, which its TensorFlow part overrides.
    """
    optimizer = without_loss_scaling(optimizer)
    distributing = keras.optimizers.Optimizer.__bases__[0]
    for name in ("_backend_update_step", "_backend_increment_gradient_accumulators", "_apply_weight_decay"):
        setattr(optimizer, name, getattr(super(distributing, optimizer), name))


def without_loss_scaling(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The optimizer itself, where Keras has wrapped it because of mixed_float16."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def is_multi_worker(strategy) -> bool:
    """Whether several processes train together."""
    return workers_of(strategy) > 1


def workers_of(strategy) -> int:
    """Number of processes that train together."""
    resolver = getattr(strategy, "cluster_resolver", None)
    cluster = resolver.cluster_spec().as_dict() if resolver is not None else {}
    return max(1, sum(len(tasks) for job, tasks in cluster.items() if job in ("chief", "worker")))


def is_chief(strategy) -> bool:
    """Whether this is the process that writes: the only one, the cluster's chief, or its worker number 0."""
    if not is_multi_worker(strategy):
        return True
    resolver = strategy.cluster_resolver
    chief = "chief" if "chief" in resolver.cluster_spec().as_dict() else "worker"
    return resolver.task_type == chief and resolver.task_id == 0


def _rows(x):
    import tensorflow as tf

    return tf.cast(tf.shape(keras.tree.flatten(x)[0])[0], tf.float32)


def _shared(loss) -> object:
    """A loss function whose scalar result, as that of Keras's losses, is divided by the number of replicas."""
    if not isinstance(loss, Callable) or isinstance(loss, keras.losses.Loss):
        return loss

    @functools.wraps(loss)
    def shared(y_true, y_pred):
        value = loss(y_true, y_pred)
        return value / replicas() if len(value.shape) == 0 else value

    return shared


def _normalises(layer) -> bool:
    """Whether it takes means over the rows of one replica."""
    return isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized


def _listed(callbacks) -> list:
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks.callbacks
    return list(keras.tree.flatten(callbacks)) if callbacks else []


def _writes(callback) -> bool:
    return any(parent.__name__ in CHIEF_ONLY for parent in type(callback).__mro__)
