"""Which devices train, and what spreads the work over them: the one place that decides it.

    --strategy   what it is                            --device   needs
    none         one device, TensorFlow's default      any
    mirrored     all devices of this machine           any        on a CPU: --replicas of them, to try it out
    multi_worker several processes, also machines      cpu, gpu   TF_CONFIG in the environment of each
    tpu          the cores of a TPU                    tpu

`auto` takes a TPU, else GPUs, else the CPU; then multi_worker where TF_CONFIG names several workers, mirrored where
there are several devices, and otherwise no strategy, because a strategy switches XLA off. Only `auto` falls back.
"""

import contextlib
import dataclasses
import json
import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from transformer_tutorial.runtime.command_line import Options
from transformer_tutorial.runtime.errors import Failure, UsageError


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceOptions(Options):
    """Flags of every command that trains. They are no part of a run's config: it can be resumed on another device."""

    device: Literal["auto", "cpu", "gpu", "tpu"] = "auto"
    """Where to train. auto takes a TPU, else GPUs, else the CPU; a device asked for by name works or fails."""
    strategy: Literal["auto", "none", "mirrored", "multi_worker", "tpu"] = "auto"
    """What spreads a batch over devices: auto does if there are several. multi_worker reads TF_CONFIG."""
    replicas: int | None = None
    """mirrored: use so many devices. On a CPU, which is then split into so many, it is for trying out."""
    tpu: str = "local"
    """Name or address of the TPU; local is the one of this machine."""


class Place(NamedTuple):
    """Where a training runs.

    Attributes:
        device: cpu, gpu or tpu.
        strategy: a `tf.distribute.Strategy`; None is a single device.
        description: one line for people, with the reason.
    """

    device: str
    strategy: Any
    description: str

    def scope(self) -> AbstractContextManager:
        """Variables made in it are the strategy's."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()


def choose_place(options: DeviceOptions) -> Place:
    """The devices and the strategy that are asked for. Comes before TensorFlow has run anything.

    Raises:
        UsageError: what is asked for is not there, or does not go together.
        Failure: the TPU does not start.
    """
    import keras

    if keras.backend.backend() == "jax":
        from transformer_tutorial.runtime.jax_devices import choose_jax_place

        return choose_jax_place(options)
    workers = worker_count(os.environ.get("TF_CONFIG"))
    _check(options, workers)
    device, reason, strategy = _find_device(options)
    if strategy is not None:
        return Place("tpu", strategy, f"Device: TPU {options.tpu}, {_replicas(strategy)}, {reason}.")
    if options.strategy == "multi_worker" or (options.strategy == "auto" and workers > 1):
        return _multi_worker(device, workers)
    names = _device_names(device, options)
    if options.strategy == "mirrored" or (options.strategy == "auto" and len(names) > 1):
        strategy = _mirrored(names)
        return Place(device, strategy, f"Device: {device.upper()}, {_replicas(strategy)}, {reason}.")
    from transformer_tutorial.runtime.devices import describe_device

    return Place(device, None, describe_device(reason) if device == "cpu" else describe_device())


def worker_count(tf_config: str | None) -> int:
    """Number of workers in the text of TF_CONFIG, the chief included; 1 without one.

    Raises:
        UsageError: the text is not what TensorFlow expects there.
    """
    if not tf_config:
        return 1
    try:
        config = json.loads(tf_config)
        jobs = config.get("cluster", {})
        named = sum(len(jobs.get(job, [])) for job in ("chief", "worker"))
        if named > 1 and not {"type", "index"} <= set(config["task"]):
            raise KeyError("task")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            "TF_CONFIG must be JSON such as "
            '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}, '
            f"got {tf_config!r}."
        ) from error
    return max(1, named)


def _check(options: DeviceOptions, workers: int) -> None:
    asked = f"got --device {options.device} --strategy {options.strategy}"
    if (options.strategy == "tpu" and options.device in ("cpu", "gpu")) or (
        options.device == "tpu" and options.strategy not in ("auto", "tpu")
    ):
        raise UsageError(f"A TPU has its own strategy: --device tpu and --strategy tpu go together, {asked}.")
    if options.strategy == "multi_worker" and workers == 1:
        raise UsageError(
            "--strategy multi_worker needs the addresses of two workers or more in TF_CONFIG. "
            "scripts/multi_worker_demo shows how; on one machine with several devices take --strategy mirrored."
        )
    if options.replicas is None:
        return
    if options.replicas < 1:
        raise UsageError(f"--replicas must be at least 1, got {options.replicas}.")
    if options.strategy not in ("auto", "mirrored") or options.device == "tpu":
        raise UsageError(f"--replicas is the number of devices of --strategy mirrored, {asked}.")
    if options.strategy == "auto" and workers > 1:
        raise UsageError(
            f"--replicas is the number of devices of --strategy mirrored, and TF_CONFIG names {workers} workers. Leave "
            "out one or the other."
        )


def _find_device(options: DeviceOptions) -> tuple[str, str, Any]:
    """The kind of device, why it is that one, and a TPU's strategy."""
    import tensorflow as tf

    if "tpu" in (options.device, options.strategy):
        return "tpu", "because it was asked for", _tpu_strategy(options.tpu)
    gpus = tf.config.list_physical_devices("GPU")
    if options.device == "gpu" and not gpus:
        raise UsageError("--device gpu: TensorFlow sees no GPU. Install its drivers, or take --device auto or cpu.")
    if options.device == "cpu":
        if gpus:
            tf.config.set_visible_devices([], "GPU")
        return "cpu", "because it was asked for", None
    reason = "because it was asked for" if options.device == "gpu" else f"because TensorFlow sees {len(gpus)} GPUs"
    if options.device == "auto" and _has_tpu(options.tpu):
        try:
            return "tpu", "because it is there", _tpu_strategy(options.tpu)
        except Failure as error:
            print(f"Warning: {error}", file=sys.stderr)
    return ("gpu", reason, None) if gpus else ("cpu", "because TensorFlow sees no GPU", None)


def _has_tpu(name: str) -> bool:
    """Whether one is named, or this machine has the device files of one."""
    return name != "local" or bool(os.environ.get("TPU_NAME")) or any(Path("/dev").glob("accel[0-9]*"))


def _tpu_strategy(name: str) -> Any:
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(tpu=name)
        return tf.distribute.TPUStrategy(resolver)
    except (tf.errors.OpError, ValueError, RuntimeError, OSError, ImportError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
        raise Failure(
            f"The TPU {name!r} does not start: {reason}. TensorFlow needs its TPU build (tensorflow-tpu); without it, "
            "KERAS_BACKEND=jax trains on a TPU."
        ) from error


def _device_names(device: str, options: DeviceOptions) -> list[str]:
    """The devices that `mirrored` would take."""
    import tensorflow as tf

    if device == "cpu":
        wanted = options.replicas or 1
        if wanted > 1:
            (cpu,) = tf.config.list_physical_devices("CPU")
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * wanted)
        return [f"/cpu:{number}" for number in range(wanted)]
    there = len(tf.config.list_physical_devices("GPU"))
    wanted = there if options.replicas is None else options.replicas
    if wanted > there:
        raise UsageError(f"--replicas {wanted}: TensorFlow sees {there} GPUs.")
    return [f"/gpu:{number}" for number in range(1 if options.strategy == "none" else wanted)]


def _mirrored(names: list[str]) -> Any:
    import tensorflow as tf

    # Between the parts of one CPU there is nothing to exchange by collectives.
    exchange = tf.distribute.ReductionToOneDevice() if names[0].startswith("/cpu") else None
    return tf.distribute.MirroredStrategy(names, exchange)


def _multi_worker(device: str, workers: int) -> Place:
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    task = strategy.cluster_resolver
    who = f"{task.task_type} {task.task_id} of {workers} workers, {_replicas(strategy)} in all"
    return Place(device, strategy, f"Device: {device.upper()}, {who}.")


def _replicas(strategy: Any) -> str:
    count = strategy.num_replicas_in_sync
    return f"{count} replica{'s' if count > 1 else ''}"
