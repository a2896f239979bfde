import errno
import os
from types import SimpleNamespace

import numpy as np
import pytest

from transformer_tutorial.runtime import checkpoints, disk_trial
from transformer_tutorial.runtime.checkpoints import save_checkpoint
from transformer_tutorial.runtime.disk_trial import try_disk
from transformer_tutorial.runtime.errors import Failure


@pytest.fixture
def free(monkeypatch):
    """Sets what the disk has left, in bytes."""

    def leave(count: int):
        monkeypatch.setattr(disk_trial.shutil, "disk_usage", lambda path: SimpleNamespace(free=count))

    return leave


def test_a_good_disk_is_left_as_it_was(tmp_path):
    try_disk(tmp_path / "run/checkpoints", 1000)
    assert list((tmp_path / "run/checkpoints").iterdir()) == []


def test_what_a_killed_trial_left_is_removed(tmp_path):
    (tmp_path / "trial.tmp-1").mkdir()
    (tmp_path / "trial.tmp-1" / "arrays.npz").write_bytes(b"PK")
    try_disk(tmp_path, 1000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize("call", ["mkdir", "fsync"])
def test_a_disk_that_refuses_is_one_clear_line_before_anything_is_trained(tmp_path, monkeypatch, number, call):
    def fail(*arguments, **more):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    message = rf"No checkpoint can be written to .*: {os.strerror(number)}\. Nothing was trained; make room or"
    with pytest.raises(Failure, match=message):
        try_disk(tmp_path, 1000)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_clear_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(Failure, match=r"No checkpoint can be written to .*: Permission denied"):
        try_disk(tmp_path, 1000)


@pytest.mark.parametrize("damage", ["contents", "missing"])
def test_a_disk_that_does_not_give_back_what_was_written_is_refused(tmp_path, monkeypatch, damage):
    def write_badly(folder, arrays, state):
        checkpoints.write_checkpoint(folder, arrays, state)
        if damage == "missing":
            (folder / "state.json").unlink()
        else:
            checkpoints.write_checkpoint(folder, {"trial": np.zeros(256, "float32")}, state)

    monkeypatch.setattr(disk_trial, "write_checkpoint", write_badly)
    message = r"does not give back what was written to it\. Nothing was trained; choose a folder on another disk"
    with pytest.raises(Failure, match=message):
        try_disk(tmp_path, 1000)
    assert list(tmp_path.iterdir()) == []


def test_there_must_be_room_for_three(tmp_path, free):
    free(30_000_000)
    try_disk(tmp_path, 10_000_000)
    message = r"has 30 MB free, and 3 more checkpoints of 10 MB must fit\. Nothing was trained; make room"
    with pytest.raises(Failure, match=message):
        try_disk(tmp_path, 10_000_001)


def test_checkpoints_that_are_there_count_but_one_more_must_always_fit(tmp_path, free):
    free(10_000_000)
    for step, needed in ((1, 2), (2, 1), (3, 1)):
        save_checkpoint(tmp_path, step, {"a": np.zeros(3)}, {})
        try_disk(tmp_path, 10_000_000 // needed)
        with pytest.raises(Failure, match=rf"and {needed} more checkpoints of"):
            try_disk(tmp_path, 10_000_000 // needed + 1)
