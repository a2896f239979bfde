"""The profile's arithmetic, its errors, and the script end to end, in small."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from transformer_tutorial.runtime.errors import Failure

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def profile_training(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    import profile_training

    return profile_training


def test_the_own_time_of_an_operation_leaves_out_what_runs_inside_it(profile_training):
    operation = profile_training.Operation
    call, inner, innermost = operation("call", "Call", 0, 100), operation("a", "A", 10, 50), operation("b", "B", 20, 30)
    after, later = operation("c", "C", 70, 30), operation("d", "D", 100, 5)
    own = profile_training.own_times([later, inner, after, call, innermost])
    picoseconds = {operation.name: round(seconds * 1e12) for operation, seconds in own}
    assert picoseconds == {"call": 20, "a": 20, "b": 30, "c": 30, "d": 5}


def test_operations_are_told_from_the_executors_own_events_and_from_other_threads(profile_training, tmp_path):
    schema = pytest.importorskip(profile_training.SCHEMA)
    space = schema.XSpace()
    plane = space.planes.add(name="/host:CPU")
    plane.event_metadata[1].name, plane.event_metadata[1].display_name = "decoder/MatMul:MatMul", "MatMul"
    plane.event_metadata[2].name = "ExecutorState::Process"
    for thread in ("tf_Compute/1", "python"):
        line = plane.lines.add(name=thread)
        for number in (2, 1):
            line.events.add(metadata_id=number, offset_ps=7, duration_ps=9)
    file = tmp_path / "one.xplane.pb"
    file.write_bytes(space.SerializeToString())
    assert profile_training.operations_by_thread(file) == [[("decoder/MatMul", "MatMul", 7, 9)]]


def test_the_table_begins_with_the_most_expensive_and_its_shares_add_up(profile_training):
    header, first, second, total = profile_training.table({"Add": [1.0], "MatMul": [2.0, 1.0], "Mul": [0.0]}, 2, top=2)
    assert first.split() == ["1500.00", "1.0", "75.0%", "75.0%", "MatMul"]
    assert second.split() == ["500.00", "0.5", "25.0%", "100.0%", "Add"]
    assert total.split() == ["2000.00", "100.0%", "all", "3"]


def test_a_folder_without_a_profile_is_a_failure(profile_training, tmp_path):
    with pytest.raises(Failure, match="The profiler wrote no .xplane.pb file below"):
        profile_training.newest_profile(tmp_path)


def test_a_profile_without_operations_is_a_failure(profile_training, tmp_path):
    pytest.importorskip(profile_training.SCHEMA)
    (tmp_path / "empty.xplane.pb").write_bytes(b"")
    with pytest.raises(Failure, match="holds no operations on the CPU. For a GPU, keep it: --log-dir DIR"):
        profile_training.operations_by_thread(tmp_path / "empty.xplane.pb")


def test_a_tensorflow_without_the_schema_is_a_failure_that_names_the_way_round(profile_training, tmp_path, monkeypatch):
    monkeypatch.setattr(profile_training, "SCHEMA", "tensorflow.no_such_module")
    with pytest.raises(Failure, match=r"has no tensorflow.no_such_module to read profiles with. Keep the profile with"):
        profile_training.operations_by_thread(tmp_path / "any.xplane.pb")


def test_a_training_is_profiled_and_its_profile_kept(tiny_corpus, tmp_path):
    command = [sys.executable, SCRIPTS / "profile_training.py", "--smoke", "--log-dir", tmp_path / "kept"]
    command += ["--data", tiny_corpus, "--data-dir", tiny_corpus / "kept"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert finished.returncode == 0, finished.stderr
    assert re.search(r"(?m)^1 steps, \d+\.\d\d s on the wall, \d+\.\d\d s of CPU time\.$", finished.stdout)
    assert re.search(r"(?m)% +\w*MatMul(V2)?$", finished.stdout)
    assert list((tmp_path / "kept").rglob("*.xplane.pb"))
