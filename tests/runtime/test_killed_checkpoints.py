"""A process dies at every write, fsync, rename and removal that saving a checkpoint makes; a disk is really full."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from small_disk import on_small_disk

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def deaths(folder: Path, steps: str, step: int, how: str) -> list[dict]:
    """What is found after a death at the first, second, ... call."""
    command = [sys.executable, str(ROOT / "tests/dying_process.py"), str(folder), steps, str(step), how]
    finished = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert finished.returncode == 0, finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]


@pytest.mark.parametrize("how", ["killed", "unplugged"])
@pytest.mark.parametrize("steps", ["1,2,3", "1", ""])
def test_a_death_at_any_call_leaves_the_checkpoint_before_or_the_new_one_whole(tmp_path, steps, how):
    found = deaths(tmp_path / "checkpoints", steps, 4, how)
    before = int(steps[-1]) if steps else None
    states = {None: [], 1: [1], 2: [2], 3: [3], 4: [99]}
    assert len(found) >= 15 and {record["signal"] for record in found} == {9}
    assert not any(record["warnings"] or record["torn"] for record in found)
    assert all(record["values"] == states[record["step"]] for record in found)
    order = [record["step"] for record in found]
    turn = order.index(4)
    assert order == [before] * turn + [4] * (len(order) - turn)
    assert {name for record in found for name in record["names"]} <= {f"ckpt-{n:08d}" for n in (1, 2, 3, 4, 100)}
    assert all("ckpt-00000100" in record["names"] for record in found)
    if steps:
        assert all("ckpt-00000001" in record["names"] for record in found), "the best one is gone"


@pytest.mark.parametrize("how", ["killed", "unplugged"])
def test_a_death_while_the_only_checkpoint_is_written_again_leaves_the_old_or_the_new_one(tmp_path, how):
    found = deaths(tmp_path / "checkpoints", "1", 1, how)
    assert len(found) >= 15 and not any(record["warnings"] or record["torn"] for record in found)
    assert {record["step"] for record in found} == {1}
    values = [record["values"] for record in found]
    turn = values.index([99])
    assert values == [[1]] * turn + [[99]] * (len(values) - turn)
    assert all(record["names"] == ["ckpt-00000001", "ckpt-00000100"] for record in found)


FULL_DISK = """
import sys
from pathlib import Path
import numpy as np
from transformer_tutorial.runtime.checkpoints import load_newest, save_checkpoint
from transformer_tutorial.runtime.disk_trial import try_disk
from transformer_tutorial.runtime.errors import Failure

parent = Path(sys.argv[1])
save_checkpoint(parent, 1, {"a": np.arange(5000)}, {})
for step, attempt in (
    (2, lambda: try_disk(parent, 60_000)),
    (3, lambda: save_checkpoint(parent, 3, {"a": np.zeros(50_000)}, {})),
    (4, lambda: (parent / "filler").write_bytes(bytes(200_000))),
    (5, lambda: try_disk(parent, 1)),
):
    try:
        attempt()
    except (Failure, OSError) as error:
        print(step, error)
print(load_newest(parent).step, (load_newest(parent).arrays["a"] == np.arange(5000)).all())
print(sorted(path.name for path in parent.iterdir()))
"""


def run_full_disk(command: list[str], folder: Path) -> list[str]:
    script = [sys.executable, "-c", FULL_DISK, str(folder / "checkpoints")]
    finished = subprocess.run([*command, *script], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


def test_on_a_full_disk_the_earlier_checkpoint_is_whole_and_the_message_is_one_clear_line(tmp_path):
    lines = run_full_disk(on_small_disk(tmp_path, "128k"), tmp_path)
    where = tmp_path / "checkpoints"
    assert lines[0].startswith(f"2 {where} has 0 MB free, and 2 more checkpoints of 0 MB must fit.")
    assert lines[1] == (
        f"3 The checkpoint of step 3 could not be written to {where}: No space left on device. Earlier checkpoints are "
        "whole; make room and run the same command again to go on from there."
    )
    assert lines[2].startswith("4 [Errno 28]")
    assert lines[3].startswith(
        f"5 No checkpoint can be written to {where}: No space left on device. Nothing was trained"
    )
    assert lines[4:] == ["1 True", "['ckpt-00000001', 'filler']"]


def test_where_files_may_not_grow_the_earlier_checkpoint_is_whole(tmp_path):
    lines = run_full_disk(["sh", "-c", 'ulimit -f 128; exec "$@"', "sh"], tmp_path)  # in blocks of 512 bytes
    (message,) = [line for line in lines if line.startswith("3 ")]
    assert "could not be written" in message and "File too large" in message
    assert lines[-2] == "1 True" and "ckpt-00000003" not in lines[-1] and ".tmp-" not in lines[-1]
