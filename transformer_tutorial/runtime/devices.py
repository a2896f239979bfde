"""Where the work runs, in words, and what it takes."""

import os
import platform
import re
import sys
from pathlib import Path


def describe_device(why_cpu: str = "because TensorFlow sees no GPU") -> str:
    """One line: the device that is used, and why."""
    import tensorflow as tf

    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        names = {tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus[:1]}
        return f"Device: {' '.join(names)}, the first of {len(gpus)} GPUs."
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"Device: CPU, {cores} cores ({platform.machine()}), {why_cpu}."


def slow_bfloat16(flags: str | None = None) -> bool:
    """Whether this is a CPU that is known to compute bfloat16 without instructions for it, at a fraction of the speed.

    Args:
        flags: the processor's features, as Linux lists them; by default those of this machine.
    """
    if flags is None:
        try:
            flags = Path("/proc/cpuinfo").read_text()
        except OSError:
            return False
    known = re.search(r"^(?:flags|Features)\s*:(.*)$", flags, re.MULTILINE)
    return known is not None and not {"avx512_bf16", "amx_bf16", "bf16"} & set(known[1].split())


def make_deterministic() -> None:
    """Lets TensorFlow refuse or replace what adds in an order that changes; XLA, and so JAX, has none on a CPU."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


def peak_memory_mb() -> float | None:
    """Most memory this process has had in use at once, in megabytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)
