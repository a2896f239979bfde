"""Which devices train where KERAS_BACKEND is jax: all of them, each with its rows of a batch.

Keras spreads the rows (`keras.distribution.DataParallel`); XLA adds up losses and gradients over the whole batch, so
nothing else has to know how many devices there are.
"""

import os
from typing import Any

from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.runtime.strategies import DeviceOptions, Place

THREADS_OF_A_CPU_DEVICE = 4
"""XLA's own number is that of the cores. CPU devices that wait for each other in a sum then hold every thread, the one
that is waited for finds none to work on, and XLA aborts after a minute: on 2 cores, within the first hundred steps.
Two threads a device were enough there, one and a half were not.
"""


def choose_jax_place(options: DeviceOptions) -> Place:
    """As `choose_place`. Comes before JAX has run anything; the strategy of the result is None.

    Raises:
        UsageError: what is asked for is not there, or is TensorFlow's.
    """
    if options.strategy not in ("auto", "none", "mirrored"):
        raise UsageError(
            f"--strategy {options.strategy} is TensorFlow's. With KERAS_BACKEND=jax take auto, mirrored or none; a TPU "
            "needs no strategy there."
        )
    devices = _devices(options)
    kind = devices[0].platform
    if options.device not in ("auto", kind):
        raise UsageError(f"--device {options.device}: JAX sees {kind.upper()} devices only. Take --device auto.")
    count = _count(options, len(devices), kind)
    if count > 1:
        import keras

        names = keras.distribution.list_devices()[:count]
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names, auto_shard_dataset=False))
    number = f"{count} device" + ("s" if count > 1 else "")
    return Place(kind, None, f"Device: {kind.upper()}, {number} of {len(devices)} that JAX sees.")


def data_parallel_devices() -> int:
    """Over how many devices Keras spreads the rows of a batch; their number must be a multiple of it."""
    import keras

    distribution = keras.distribution.distribution() if keras.backend.backend() == "jax" else None
    return 1 if distribution is None else int(distribution.device_mesh.shape[0])


def _devices(options: DeviceOptions) -> list[Any]:
    import jax

    try:
        if options.device == "cpu":
            jax.config.update("jax_platforms", "cpu")
        if options.replicas is not None and options.device != "gpu":
            jax.config.update("jax_num_cpu_devices", options.replicas)
            if options.replicas > 1:
                threads = max(THREADS_OF_A_CPU_DEVICE * options.replicas, os.cpu_count() or 1)
                os.environ.setdefault("PJRT_NPROC", str(threads))
    except RuntimeError:  # JAX has run something already: what there is, is there
        pass
    return jax.devices()


def _count(options: DeviceOptions, there: int, kind: str) -> int:
    if options.strategy == "none":
        return 1
    if options.replicas is None:
        return there
    if not 1 <= options.replicas <= there:
        raise UsageError(f"--replicas {options.replicas}: JAX sees {there} {kind.upper()} devices.")
    return options.replicas
