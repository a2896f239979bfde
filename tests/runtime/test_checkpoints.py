import errno
import os
import stat

import numpy as np
import pytest

from transformer_tutorial.runtime import checkpoints
from transformer_tutorial.runtime.checkpoints import KEEP, load_best, load_newest, read_checkpoint, save_checkpoint
from transformer_tutorial.runtime.errors import Failure, UsageError

FILES = ("arrays.npz", "state.json", "manifest.json")


def arrays_of(step: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(step)
    return {
        "00000|a/kernel": generator.normal(size=(3, 4)).astype("float32"),
        "00001|seed": generator.integers(0, 2**32, 2, "uint32"),
        "00002|odd": np.array([-0.0, np.inf, np.nan, 1e-45], "float32"),
        "00003|step": np.array(step),
    }


def save(parent, *steps):
    for step in steps:
        save_checkpoint(parent, step, arrays_of(step), {"epoch": step // 10, "batch": step % 10, "seconds": 1.5})


def names(parent) -> list[str]:
    return sorted(path.name for path in parent.iterdir())


def flip_a_bit(file, position: float) -> None:
    data = bytearray(file.read_bytes())
    data[int(position * (len(data) - 1))] ^= 4
    file.write_bytes(data)


def test_what_is_saved_comes_back_bit_for_bit(tmp_path):
    save(tmp_path / "new", 12)
    found = load_newest(tmp_path / "new")
    assert found.step == 12 and found.folder == tmp_path / "new/ckpt-00000012"
    assert found.state == {"epoch": 1, "batch": 2, "seconds": 1.5}
    assert list(found.arrays) == list(arrays_of(12))
    for name, array in arrays_of(12).items():
        assert found.arrays[name].dtype == array.dtype and found.arrays[name].tobytes() == array.tobytes()


def test_an_empty_or_missing_folder_has_no_checkpoint(tmp_path):
    assert load_newest(tmp_path) is None
    assert load_newest(tmp_path / "missing") is None


def test_the_newest_is_the_highest_step_whatever_the_clock_says(tmp_path):
    save(tmp_path, 9, 10, 100)
    for age, step in enumerate((100, 10, 9)):
        os.utime(tmp_path / f"ckpt-{step:08d}", (2e9 + 1000 * age,) * 2)
    assert load_newest(tmp_path).step == 100


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["half", "empty", "missing", "first", "middle", "last"])
def test_a_damaged_file_is_found_and_the_checkpoint_before_is_used(tmp_path, capsys, name, damage):
    save(tmp_path, 10, 20)
    file = tmp_path / "ckpt-00000020" / name
    if damage == "missing":
        file.unlink()
    elif damage in ("half", "empty"):
        os.truncate(file, file.stat().st_size // 2 if damage == "half" else 0)
    else:
        flip_a_bit(file, {"first": 0.0, "middle": 0.5, "last": 1.0}[damage])
    found = load_newest(tmp_path)
    assert found.step == 10 and found.arrays["00003|step"] == 10
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith(
        f"Warning: {tmp_path / 'ckpt-00000020'} is damaged and left aside as damaged-ckpt-00000020"
    )
    assert load_newest(tmp_path).step == 10
    assert capsys.readouterr().err == ""


def test_when_all_are_damaged_training_never_starts_anew_in_silence(tmp_path, capsys):
    save(tmp_path, 10, 20)
    for step in (10, 20):
        (tmp_path / f"ckpt-{step:08d}" / "state.json").write_text("{}")
    for _ in range(2):
        with pytest.raises(Failure, match=r"All 2 checkpoints in .* are damaged\. Move the folder away to start anew"):
            load_newest(tmp_path)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_checkpoint_that_cannot_be_read_today_is_not_called_damaged(tmp_path, monkeypatch):
    save(tmp_path, 10, 20)

    def unreadable(folder):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(checkpoints, "read_checkpoint", unreadable)
    with pytest.raises(Failure, match=r"ckpt-00000020 cannot be read: Permission denied\. Make it readable"):
        load_newest(tmp_path)
    monkeypatch.undo()
    assert load_newest(tmp_path).step == 20


def test_a_reader_renames_nothing(tmp_path, capsys):
    save(tmp_path, 10, 20)
    (tmp_path / "ckpt-00000010").rename(tmp_path / "ckpt-00000010.replaced")
    (tmp_path / "ckpt-00000020" / "state.json").write_text("{}")
    before = names(tmp_path)
    assert load_best(tmp_path).step == 10 and names(tmp_path) == before
    assert "ckpt-00000020 is damaged and left aside: " in capsys.readouterr().err


def test_damage_in_a_folder_that_cannot_be_written_is_told_all_the_same(tmp_path, monkeypatch, capsys):
    save(tmp_path, 10, 20)
    (tmp_path / "ckpt-00000020" / "state.json").write_text("{}")

    def rename(path, target):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(checkpoints.Path, "rename", rename)
    assert load_newest(tmp_path).step == 10
    (tmp_path / "ckpt-00000010" / "state.json").write_text("{}")
    with pytest.raises(Failure, match="All 2 checkpoints in .* are damaged"):
        load_newest(tmp_path)


def test_on_windows_files_are_synced_and_folders_are_not(tmp_path, monkeypatch):
    opened, really_open = [], os.open

    def note(path, how):
        opened.append((path.name, how))
        return really_open(path, how)

    monkeypatch.setattr(checkpoints, "WINDOWS", True)
    monkeypatch.setattr(checkpoints.os, "open", note)
    save(tmp_path, 10)
    assert sorted(opened) == [(name, os.O_RDWR) for name in ("arrays.npz", "manifest.json", "state.json")]


def test_a_full_disk_leaves_the_earlier_checkpoint_whole(tmp_path, monkeypatch):
    save(tmp_path, 10)

    def savez(file, **arrays):
        file.write_bytes(b"PK half of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoints.np, "savez", savez)
    message = r"step 20 could not be written to .*: No space left on device\. Earlier checkpoints are whole"
    with pytest.raises(Failure, match=message):
        save(tmp_path, 20)
    assert names(tmp_path) == ["ckpt-00000010"]
    assert load_newest(tmp_path).step == 10


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_disk_that_fails_later_leaves_the_earlier_checkpoint_whole(tmp_path, monkeypatch, call):
    save(tmp_path, 10)

    def fail(*arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(checkpoints.os, call, fail)
    with pytest.raises(Failure, match="step 20 could not be written"):
        save(tmp_path, 20)
    assert names(tmp_path) == ["ckpt-00000010"]


def test_everything_is_on_the_disk_before_the_checkpoint_gets_its_name(tmp_path, monkeypatch):
    calls = []
    fsync, rename = os.fsync, os.rename
    monkeypatch.setattr(
        checkpoints.os, "fsync", lambda fd: (calls.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd))
    )
    monkeypatch.setattr(checkpoints.os, "rename", lambda a, b: (calls.append("rename"), rename(a, b)))
    save(tmp_path, 10)
    beside = f"{tmp_path}/ckpt-00000010.tmp-{os.getpid()}"
    assert sorted(calls[:3]) == sorted(f"{beside}/{name}" for name in FILES)
    assert calls[3:] == [beside, "rename", str(tmp_path)]


def test_a_half_written_folder_is_ignored_and_removed(tmp_path):
    save(tmp_path, 10)
    own, other = (tmp_path / f"ckpt-00000020.tmp-{pid}" for pid in (os.getpid(), 1))
    for folder in (own, other):
        folder.mkdir()
        (folder / "arrays.npz").write_bytes(b"PK")
    assert load_newest(tmp_path).step == 10
    save(tmp_path, 20)
    assert names(tmp_path) == ["ckpt-00000010", "ckpt-00000020"]
    assert load_newest(tmp_path).step == 20


def test_only_the_newest_are_kept(tmp_path):
    save(tmp_path, *range(1, KEEP + 4))
    assert names(tmp_path) == [f"ckpt-{step:08d}" for step in range(4, KEEP + 4)]


def test_saving_a_step_again_replaces_it(tmp_path):
    save(tmp_path, 10)
    save_checkpoint(tmp_path, 10, arrays_of(99), {"epoch": 2, "batch": 0, "seconds": 0.0})
    assert load_newest(tmp_path).state["epoch"] == 2 and names(tmp_path) == ["ckpt-00000010"]


@pytest.mark.parametrize("read_first", [True, False])
def test_damaged_newer_checkpoints_never_push_out_valid_ones(tmp_path, capsys, read_first):
    save(tmp_path, 10)
    valid = (tmp_path / "ckpt-00000010").rename(tmp_path / "apart")
    save(tmp_path, 20, 30, 40)
    valid.rename(tmp_path / "ckpt-00000010")
    for step in (20, 30, 40):
        (tmp_path / f"ckpt-{step:08d}" / "manifest.json").write_text("{}")
    if read_first:
        assert load_newest(tmp_path).step == 10
    save(tmp_path, 11)
    assert load_newest(tmp_path).step == 11
    assert {"ckpt-00000010", "ckpt-00000011"} <= set(names(tmp_path))
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_pickled_objects_are_never_loaded(tmp_path):
    save_checkpoint(tmp_path, 10, {"object": np.array([{"a": 1}], dtype=object)}, {})
    with pytest.raises(Failure, match="All 1 checkpoints"):
        load_newest(tmp_path)


def save_best(parent, step: int, best: int, **more):
    save_checkpoint(parent, step, arrays_of(step), {"best": {"step": best, "value": 0.5}}, **more)


def test_the_best_is_kept_beside_the_newest(tmp_path):
    for step, best in ((1, 1), (2, 2), (3, 2), (4, 2), (5, 2), (6, 2)):
        save_best(tmp_path, step, best)
    assert names(tmp_path) == [f"ckpt-{step:08d}" for step in (2, 4, 5, 6)]
    assert load_best(tmp_path).step == 2 and load_best(tmp_path).arrays["00003|step"] == 2
    save_best(tmp_path, 7, 7)
    assert names(tmp_path) == [f"ckpt-{step:08d}" for step in (5, 6, 7)]


def test_a_resumed_run_knows_its_best_also_from_an_older_checkpoint(tmp_path, capsys):
    for step, best in ((1, 1), (2, 1), (3, 1), (4, 4)):
        save_best(tmp_path, step, best, keep=2)
    (tmp_path / "ckpt-00000004" / "state.json").write_text("{}")
    assert load_newest(tmp_path).state["best"] == {"step": 1, "value": 0.5}
    assert "is damaged" in capsys.readouterr().err


def test_a_best_that_is_damaged_gives_way_to_the_newest_with_a_warning(tmp_path, capsys):
    for step in (1, 2, 3):
        save_best(tmp_path, step, 1)
    flip_a_bit(tmp_path / "ckpt-00000001" / "arrays.npz", 0.5)
    assert load_best(tmp_path).step == 3
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("Warning: the best checkpoint, ") and warning.endswith(
        "ckpt-00000001, is damaged: arrays.npz does not match its SHA-256. The newest is used."
    )


def test_without_a_best_the_newest_is_the_best(tmp_path):
    assert load_best(tmp_path) is None
    save(tmp_path, 3, 4)
    assert load_best(tmp_path).step == 4


def test_the_number_kept_is_chosen_and_at_least_two(tmp_path):
    for step in range(1, 6):
        save_checkpoint(tmp_path, step, arrays_of(step), {}, keep=2)
    assert names(tmp_path) == ["ckpt-00000004", "ckpt-00000005"]
    with pytest.raises(
        UsageError, match=r"at least 2 checkpoints must be kept, in case the newest is damaged, got 1\."
    ):
        save_checkpoint(tmp_path, 6, arrays_of(6), {}, keep=1)


def test_a_replaced_checkpoint_is_used_when_its_successor_is_damaged(tmp_path, capsys):
    save(tmp_path, 10)
    (tmp_path / "ckpt-00000010").rename(tmp_path / "ckpt-00000010.replaced")
    save(tmp_path / "other", 10)
    (tmp_path / "other/ckpt-00000010").rename(tmp_path / "ckpt-00000010")
    assert load_newest(tmp_path).folder.name == "ckpt-00000010" and capsys.readouterr().err == ""
    (tmp_path / "ckpt-00000010" / "state.json").write_text("{}")
    assert load_newest(tmp_path).folder == tmp_path / "ckpt-00000010"
    assert load_newest(tmp_path).step == 10
    assert len(capsys.readouterr().err.splitlines()) == 1


def fail_to_sync(monkeypatch, number: int, folders: bool) -> None:
    fsync = os.fsync

    def fail(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) == folders:
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(checkpoints.os, "fsync", fail)


def test_a_file_system_that_knows_no_sync_of_folders_is_good_enough(tmp_path, monkeypatch):
    fail_to_sync(monkeypatch, errno.EINVAL, folders=True)
    save(tmp_path, 10)
    assert load_newest(tmp_path).step == 10


@pytest.mark.parametrize(("number", "folders"), [(errno.EIO, True), (errno.EIO, False), (errno.EINVAL, False)])
def test_any_other_sync_that_fails_is_a_failure(tmp_path, monkeypatch, number, folders):
    fail_to_sync(monkeypatch, number, folders)
    with pytest.raises(Failure, match="step 10 could not be written"):
        save(tmp_path, 10)


def test_every_flipped_bit_of_a_manifest_is_found_or_harmless(tmp_path):
    save(tmp_path, 10, 20)
    file = tmp_path / "ckpt-00000020" / "manifest.json"
    whole = file.read_bytes()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        file.write_bytes(damaged)
        try:
            arrays, state = read_checkpoint(file.parent)
        except checkpoints.DAMAGED:
            continue
        assert arrays["00003|step"] == 20 and state["epoch"] == 2
