"""A lock of a living process refuses, one of a killed or dead process does not; the processes are real."""

import errno
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from transformer_tutorial.runtime import run_lock
from transformer_tutorial.runtime.errors import Failure
from transformer_tutorial.runtime.run_lock import hold_lock

ROOT = Path(__file__).resolve().parents[2]

HOLDER = """
import sys
from pathlib import Path
from transformer_tutorial.runtime.run_lock import hold_lock

with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""

CONTENDER = """
import sys, time
from pathlib import Path
from transformer_tutorial.runtime.run_lock import hold_lock
from transformer_tutorial.runtime.errors import Failure

lock, log = Path(sys.argv[1]), Path(sys.argv[2])
taken = 0
while taken < 40:
    try:
        with hold_lock(lock):
            with log.open("x"):  # fails if the other one is here, too
                pass
            log.unlink()
            taken += 1
    except Failure:
        pass
"""


def start(program: str, *arguments) -> subprocess.Popen:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock until it reads a line."""
    process = start(HOLDER, tmp_path / "lock")
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def assert_free(file: Path) -> None:
    with hold_lock(file):
        assert json.loads(file.read_text())["pid"] == os.getpid()
    assert not file.exists()


def test_a_living_holder_is_named_and_the_second_is_refused(holder, tmp_path):
    message = (
        rf"{tmp_path} is in use by process {holder.pid} on {platform.node()} since [-\d]{{10}} [:\d]{{8}} UTC\. "
        r"Wait until it has ended, end it, or choose another folder\."
    )
    for _ in range(2):
        with pytest.raises(Failure, match=message), hold_lock(tmp_path / "lock"):
            pytest.fail("the lock was given twice")


def test_a_lock_goes_with_a_process_that_is_killed(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert str(holder.pid) in (tmp_path / "lock").read_text()
    assert_free(tmp_path / "lock")


def test_a_lock_goes_with_a_process_that_ends(holder, tmp_path):
    holder.communicate("\n")
    assert holder.returncode == 0 and not (tmp_path / "lock").exists()
    assert_free(tmp_path / "lock")


def test_a_lock_goes_with_an_error_in_the_block(tmp_path):
    with pytest.raises(ZeroDivisionError), hold_lock(tmp_path / "lock"):
        raise ZeroDivisionError
    assert_free(tmp_path / "lock")


def test_a_file_that_names_a_living_process_without_a_lock_is_no_obstacle(tmp_path):
    (tmp_path / "lock").write_text(
        f'{{"pid": {os.getppid()}, "host": "here", "since": "long ago", "more": "{"x" * 99}"}}'
    )
    assert_free(tmp_path / "lock")


def test_a_holder_that_has_not_written_yet_is_another_process(holder, tmp_path):
    (tmp_path / "lock").write_text("")
    with pytest.raises(Failure, match="is in use by another process"), hold_lock(tmp_path / "lock"):
        pass


def test_two_that_contend_are_never_inside_together(tmp_path):
    """The file is removed and made again each time: a lock on a removed file must not count."""
    processes = [start(CONTENDER, tmp_path / "lock", tmp_path / "inside") for _ in range(2)]
    for process in processes:
        errors = process.communicate(timeout=60)[1]
        assert process.returncode == 0, errors


def test_a_lock_on_a_file_that_has_just_been_removed_is_taken_anew(tmp_path, monkeypatch):
    """Between our open and our lock the holder before removes the file."""
    file, flock = tmp_path / "lock", run_lock.fcntl.flock

    def late(descriptor, how):
        if file.exists() and not calls:
            file.unlink()
        calls.append(descriptor)
        flock(descriptor, how)

    calls = []
    monkeypatch.setattr(run_lock.fcntl, "flock", late)
    with hold_lock(file):
        assert len(calls) == 2 and file.exists()


def test_a_file_system_without_locks_is_a_warning(tmp_path, monkeypatch, capsys):
    def flock(descriptor, how):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(run_lock.fcntl, "flock", flock)
    with hold_lock(tmp_path / "lock"):
        pass
    expected = (
        f"Warning: {tmp_path} cannot be locked (Operation not supported). "
        "Never train in it with two processes at once.\n"
    )
    assert capsys.readouterr().err == expected


def test_a_full_disk_is_no_obstacle_for_a_lock(tmp_path, monkeypatch):
    def pwrite(descriptor, data, offset):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run_lock.os, "pwrite", pwrite)
    refused = pytest.raises(Failure, match="is in use by another process")
    with hold_lock(tmp_path / "lock"), refused, hold_lock(tmp_path / "lock"):
        pass
    monkeypatch.undo()
    assert_free(tmp_path / "lock")


def test_a_system_without_locks_is_a_warning(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run_lock, "fcntl", None)
    with hold_lock(tmp_path / "lock"):
        assert not (tmp_path / "lock").exists()
    assert "cannot be locked (this system has none)" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    message = r"missing cannot be locked: No such file or directory\. Choose another folder"
    with pytest.raises(Failure, match=message), hold_lock(tmp_path / "missing" / "lock"):
        pass


def test_the_time_is_that_of_taking_the_lock(holder, tmp_path):
    since = (tmp_path / "lock").read_text().partition('"since": "')[2][:19]
    seconds = time.mktime(time.strptime(since, "%Y-%m-%d %H:%M:%S")) - time.mktime(time.gmtime())
    assert -60 < seconds <= 0
