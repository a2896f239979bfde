"""The benchmark of the LSTM paths runs end to end, in small, and refuses what it cannot measure."""

import concurrent.futures.process
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from transformer_tutorial.runtime.errors import Failure, UsageError

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SIZE = "2x5x3x4"
KERAS = {"keras.layers.LSTM", "keras.layers.LSTM, XLA"}
OURS = {"readable, tape", "readable, by hand", "fused", "fused, XLA"}
TORCH = {"torch.nn.LSTM"} if importlib.util.find_spec("torch") else set()


def bench(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, SCRIPTS / "bench_lstm.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=500)


@pytest.fixture(scope="module")
def finished() -> subprocess.CompletedProcess:
    return bench("--smoke", "--json")


@pytest.fixture
def bench_lstm(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    import bench_lstm

    return bench_lstm


def test_the_last_line_holds_a_rate_for_each_side(finished):
    assert finished.returncode == 0, finished.stderr
    sides = json.loads(finished.stdout.splitlines()[-1])["sides"]
    assert sides.keys() == {f"{name}, {SIZE}" for name in OURS | KERAS | TORCH | {"BlockLSTM"}}
    assert all(rate > 0 for rate in sides.values())


def test_the_fused_path_is_compared_with_keras_the_block_kernel_and_the_readable_path(finished):
    printed = json.loads(finished.stdout.splitlines()[-1])
    sides, ratios = printed["sides"], printed["ratios"]
    pairs = [("fused", "keras.layers.LSTM"), ("fused, XLA", "BlockLSTM"), ("readable, by hand", "readable, tape")]
    pairs += [("fused, XLA", name) for name in {"keras.layers.LSTM, XLA"} | TORCH]
    for first, second in pairs:
        expected = sides[f"{first}, {SIZE}"] / sides[f"{second}, {SIZE}"]
        assert ratios[f"{first} over {second}, {SIZE}"] == pytest.approx(expected)
        assert ratios[f"{first} over {second}, {SIZE}, by CPU time"] > 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured on Linux")
def test_a_step_takes_at_least_the_memory_that_is_kept_of_it(finished):
    gates_and_states, float32, units = 6, 4, 32
    found = json.loads(finished.stdout.splitlines()[-1])["ratios"]["fused, bytes a step"]
    assert found > gates_and_states * float32 * units


def test_where_the_system_does_not_tell_memory_it_is_left_out_with_one_line(bench_lstm, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(bench_lstm, "STATUS", tmp_path / "status")
    monkeypatch.setattr(bench_lstm, "NAMES", ("fused",))
    bench_lstm.main(bench_lstm.Options(smoke=True, json=True))
    printed = capsys.readouterr()
    assert "bytes a step" not in printed.out
    assert [line for line in printed.err.splitlines() if "left out" in line] == [
        f"Memory is left out: this system has no {tmp_path / 'status'}."
    ]


def test_the_machine_is_described(finished):
    machine = json.loads(finished.stdout.splitlines()[-1])["machine"]
    assert {"device", "cores", "tensorflow", "keras", "matrix product, float32, GFLOP/s"} <= machine.keys()


def test_pytorch_is_left_out_with_one_line_where_it_is_not_installed(finished):
    missing = "torch.nn.LSTM is left out: PyTorch is not installed. pip install '.[bench]'"
    assert finished.stderr.splitlines().count(missing) == (0 if TORCH else 1)


def test_with_peepholes_keras_and_pytorch_do_not_take_part():
    finished = bench("--smoke", "--json", "--variant", "V", "--no-memory")
    assert finished.returncode == 0, finished.stderr
    printed = json.loads(finished.stdout.splitlines()[-1])
    assert printed["sides"].keys() == {f"{name}, {SIZE}" for name in OURS | {"BlockLSTM"}}
    assert "left out" not in finished.stderr


@pytest.mark.parametrize("text", ["32x100", "32x100x64x0", "32x100x64xmany", "-1x2x3x4"])
def test_a_size_that_is_none_is_refused(bench_lstm, text):
    with pytest.raises(UsageError, match=f"a size is four whole numbers above 0 as in 32x100x64x128, got {text!r}."):
        bench_lstm.parse_size(text)


def test_a_wrong_number_of_threads_is_one_line_and_exit_code_2():
    finished = bench("--smoke", "--threads", "-1")
    assert finished.returncode == 2
    assert finished.stderr.splitlines()[-1] == "Error: --threads must be 0 or more, got -1."


def test_a_contestant_that_computes_something_else_is_a_failure(bench_lstm):
    right = [np.ones(3), np.ones(4)]
    contestant = bench_lstm.Contestant(np.asarray, lambda *data: [right[0], 1.01 * right[1]], list)
    with pytest.raises(Failure, match=r"wrong and right differ in x by 1\.0e-02 of its norm\."):
        bench_lstm.first_call("wrong", contestant, (), {"right": right})


def test_a_contestant_that_computes_the_same_is_not(bench_lstm):
    right = [np.ones(3), np.ones(4)]
    contestant = bench_lstm.Contestant(np.asarray, lambda *data: right, list)
    assert bench_lstm.first_call("same", contestant, (), {"right": right}) == 1


def test_the_memory_of_a_step_is_the_slope_between_two_batches(bench_lstm, monkeypatch):
    monkeypatch.setattr(bench_lstm, "growth", lambda name, options, size: 1000 + 12 * size.B * size.T)
    assert bench_lstm.bytes_a_step("fused", bench_lstm.Options(), bench_lstm.Size(4, 5, 6, 7)) == 12


def test_a_process_that_dies_while_memory_is_measured_is_a_failure(bench_lstm, monkeypatch):
    class Dying(concurrent.futures.Executor):
        def __init__(self, *arguments, **options):
            pass

        def submit(self, *arguments):
            future = concurrent.futures.Future()
            future.set_exception(concurrent.futures.process.BrokenProcessPool())
            return future

    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", Dying)
    with pytest.raises(Failure, match="the process that measures fused has died. Leave it out with --no-memory."):
        bench_lstm.growth("fused", bench_lstm.Options(), bench_lstm.Size(1, 2, 3, 4))
