"""Where does a training step spend its time?

Trains some batches of a preset under the TensorFlow profiler and adds up the time of each kind of operation on the CPU:
its own time, without that of operations inside it, summed over the threads that run operations. One operation may
keep several cores busy; that shows in the seconds on the wall, not here. Each shape is met once before the profile
begins, so that tracing and compiling are not in it.

    python scripts/profile_training.py --data phrasebook
    python scripts/profile_training.py --data FOLDER --precision mixed_bfloat16 --by name --top 40

The profile itself stays in `--log-dir`, if one is given: `tensorboard --logdir DIR` shows it as a time line.
"""

import collections
import dataclasses
import importlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import keras
import tensorflow as tf
from prepared_preset import prepare_preset
from same_sentences import OURS, draw_turns
from side_by_side import measure, run_script

from transformer_tutorial.data.batches import as_dataset
from transformer_tutorial.learning.training import build_trainer
from transformer_tutorial.runtime.devices import describe_device
from transformer_tutorial.runtime.errors import Failure

SCHEMA = "tensorflow.tsl.profiler.protobuf.xplane_pb2"  # of the profile's file
OPERATION_THREADS = "tf_Compute/"


@dataclasses.dataclass(frozen=True)
class Options:
    """Where does a training step spend its time?"""

    data: str = "phrasebook"
    """phrasebook, ted, or a folder or .tsv file."""
    preset: str = "tutorial"
    """Model and batches."""
    precision: Literal["float32", "mixed_bfloat16"] | None = None
    """By default the preset's."""
    steps: int = 10
    """Batches to profile."""
    by: Literal["type", "name"] = "type"
    """type: all matrix products together. name: each place in the model by itself."""
    top: int = 25
    """Lines to print."""
    log_dir: Path | None = None
    """Keep the profile here. Default: it is read and thrown away."""
    data_dir: Path | None = None
    """Where prepared text is kept."""
    smoke: bool = False
    """A tiny model, in seconds: does the script run?"""


class Operation(NamedTuple):
    """One execution of one operation.

    Attributes:
        name: its place in the model, such as "encoder/layer_0/ffn/hidden/MatMul".
        type: such as "MatMul".
        begin: picoseconds on the clock of its thread.
        duration: picoseconds, with the operations inside it.
    """

    name: str
    type: str
    begin: int
    duration: int


def main(options: Options) -> None:
    """Profiles some steps and prints the table."""
    config, prepared = prepare_preset(options.preset, options.data, options.data_dir, options.precision, options.smoke)
    warm_up, batches = draw_turns(config, prepared.train, 1 if options.smoke else options.steps, rounds=1)[OURS]
    print(f"{describe_device()} Preset {options.preset}, {config.precision}.")
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    trainer = build_trainer(config, prepared)

    def train(batches: list[tuple]) -> int:
        dataset = as_dataset(lambda: iter(batches)).apply(tf.data.experimental.assert_cardinality(len(batches)))
        trainer.fit(dataset, shuffle=False, verbose=0)
        return len(batches)

    train(warm_up)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.log_dir or Path(scratch)
        with tf.profiler.experimental.Profile(str(folder)):
            measured = measure(lambda: train(batches))
        threads = operations_by_thread(newest_profile(folder))
    times = collections.defaultdict(list)
    for operation, own in (pair for thread in threads for pair in own_times(thread)):
        times[operation.type if options.by == "type" else f"{operation.name}:{operation.type}"].append(own)
    print(f"{measured.amount} steps, {measured.seconds:.2f} s on the wall, {measured.cpu_seconds:.2f} s of CPU time.")
    print(*table(times, measured.amount, options.top), sep="\n")


def newest_profile(folder: Path) -> Path:
    """The profile that was written last.

    Raises:
        Failure: there is none.
    """
    files = sorted(folder.rglob("*.xplane.pb"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise Failure(f"The profiler wrote no .xplane.pb file below {folder}. Is another profile running?")
    return files[-1]


def operations_by_thread(file: Path) -> list[list[Operation]]:
    """All operations on the CPU, one list for each thread that runs operations.

    Raises:
        Failure: the file cannot be understood, or holds no operations on the CPU.
    """
    try:
        schema = importlib.import_module(SCHEMA)
    except ImportError as error:
        raise Failure(
            f"This TensorFlow, {tf.__version__}, has no {SCHEMA} to read profiles with. Keep the profile with "
            "--log-dir DIR and look at it with TensorBoard and its profile plug-in."
        ) from error
    space = schema.XSpace.FromString(file.read_bytes())
    threads = [
        list(_operations(plane, line))
        for plane in space.planes
        for line in plane.lines
        if line.name.startswith(OPERATION_THREADS)
    ]
    if not any(threads):
        raise Failure("The profile holds no operations on the CPU. For a GPU, keep it: --log-dir DIR, TensorBoard.")
    return threads


def _operations(plane, line) -> Iterator[Operation]:
    for event in line.events:
        about = plane.event_metadata[event.metadata_id]
        name, _, kind = about.name.rpartition(":")
        # Operations are called "name:Type" and shown as "Type"; the executor's own events have nothing to show.
        if kind and kind == about.display_name:
            yield Operation(name, kind, event.offset_ps, event.duration_ps)


def own_times(thread: Iterable[Operation]) -> Iterator[tuple[Operation, float]]:
    """Each operation of one thread with its seconds, less those of the operations that ran inside it."""
    inside = collections.Counter()
    open_operations = []
    ordered = sorted(thread, key=lambda operation: (operation.begin, -operation.duration))
    for number, operation in enumerate(ordered):
        while open_operations and operation.begin >= _end(ordered[open_operations[-1]]):
            open_operations.pop()
        if open_operations:
            inside[open_operations[-1]] += operation.duration
        open_operations.append(number)
    for number, operation in enumerate(ordered):
        yield operation, (operation.duration - inside[number]) / 1e12


def _end(operation: Operation) -> int:
    return operation.begin + operation.duration


def table(times: dict[str, list[float]], steps: int, top: int) -> list[str]:
    """Lines of text: the most expensive first, with milliseconds and count for each step, and shares of all time."""
    totals = {name: sum(seconds) for name, seconds in times.items()}
    everything = sum(totals.values())
    lines = [f"{'ms/step':>9} {'count/step':>10} {'share':>7} {'so far':>7}  operation"]
    so_far = 0.0
    for name, total in sorted(totals.items(), key=lambda pair: -pair[1])[:top]:
        so_far += total
        count = len(times[name]) / steps
        lines.append(
            f"{total / steps * 1e3:9.2f} {count:10.1f} {total / everything:7.1%} {so_far / everything:7.1%}  {name}"
        )
    return [*lines, f"{everything / steps * 1e3:9.2f} {'':10} {1:7.1%} {'':7}  all {len(totals)}"]


if __name__ == "__main__":
    run_script(main, Options)
