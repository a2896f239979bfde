"""`plot`: which file it writes, and what it refuses."""

import os

import numpy as np
import pytest

from lstm_lab.cli import main
from lstm_lab.config import MOST_STEPS, PICTURES, PLOTTED_STEPS, PlotOptions
from lstm_lab.plot import DRAWN_BY, run_lstm

SIGNATURES = {"png": b"\x89PNG", "svg": b"<?xml", "gif": b"GIF89a"}


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["unfolded", "--inputs", "1", "-1"], "unfolded.png"),
        (["circuit", "--variant", "NP", "-o", "new/np.svg"], "new/np.svg"),
        (["odyssey", "--variant", "FGR", "--step", "2", "--unit", "3"], "odyssey.png"),
        (["backward", "--inputs", "0.5"], "backward.gif"),
        (["cliff"], "cliff.png"),
        (["cliff", "-o", "cliff.svg"], "cliff.svg"),
        (["backward", "--diagram", "odyssey", "-o", "step.svg", "--step", "1"], "step.svg"),
    ],
)
def test_a_picture_is_written_and_its_name_printed(arguments, name, capsys, tmp_path):
    assert main(["plot", *arguments]) == 0
    assert capsys.readouterr().out == f"{name}\n"
    assert (tmp_path / name).read_bytes().startswith(SIGNATURES[name[-3:]])
    assert sum(len(files) for _, _, files in os.walk(tmp_path)) == 1


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["circut"], "unknown picture 'circut'. Did you mean circuit?"),
        (["circuit", "--variant", "NPP"], "unknown variant 'NPP'. Did you mean NP"),
        (["backward", "--diagram", "oddyssey"], "unknown diagram 'oddyssey'. Did you mean odyssey?"),
        (["unfolded", "--variant", "NP"], "unfolded draws the simple RNN, which has no variants, got --variant NP."),
        (["circuit", "--seed", "-1"], "--seed must be 0 or more, got -1."),
        (["circuit", "--unit", "4"], "--unit must be from 1 to 3, got 4."),
        (["circuit", "--step", "7"], "--step must be from 1 to 6, the number of inputs, got 7."),
        (["circuit", "--inputs", "1", "2", "--step", "0"], "--step must be from 1 to 2, the number of inputs, got 0."),
        (["unfolded", "--inputs", *"1234567"], "unfolded takes up to 6 --inputs, got 7."),
        (["circuit", "--inputs", "1", "nan"], "x holds nan first at time step 2 of 2"),
        (["cliff", "--inputs", "1"], "cliff draws one fixed loss surface and takes no --inputs. Leave it out."),
        (["cliff", "--seed", "-1"], "cliff draws one fixed loss surface and takes no --seed. Leave it out."),
        (["cliff", "-o", "cliff.gif"], "must end in one of .png, .svg, .pdf, got 'cliff.gif'"),
        (["circuit", "-o", "circuit.gif"], "must end in one of .png, .svg, .pdf, got 'circuit.gif'"),
    ],
)
def test_a_wrong_value_is_one_line_on_stderr_and_exit_code_2(flags, text, capsys, tmp_path):
    assert main(["plot", *flags]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
    assert text in captured.err
    assert list(tmp_path.iterdir()) == []


def test_the_given_inputs_are_those_of_the_run():
    steps = run_lstm(PlotOptions(what="circuit", inputs=(1.0, -0.5, 0.25)))
    assert [step.values["x"].tolist() for step in steps] == [[1.0], [-0.5], [0.25]]
    assert not steps[0].values["c-"].any()


def test_another_seed_is_another_run_and_the_same_seed_the_same():
    first, again, other = (run_lstm(PlotOptions(what="circuit", seed=seed))[-1].values["c"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)


@pytest.mark.parametrize("variant", ["V", "NFG", "CIFG"])
def test_the_forget_gate_starts_open(variant):
    gates = [run_lstm(PlotOptions(what="circuit", variant=variant, seed=seed, inputs=(0.0,))) for seed in range(20)]
    opening = [step.values.get("f", step.values.get("1>f", np.ones(3))) for (step,) in gates]
    assert np.mean(opening) > 0.6


def test_every_picture_is_drawn_by_something_and_all_but_the_cliff_have_a_length():
    assert set(PICTURES) == set(DRAWN_BY)
    assert set(PICTURES) - {"cliff"} == set(PLOTTED_STEPS) == set(MOST_STEPS)
