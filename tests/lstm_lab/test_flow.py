"""Gradients over time, measured."""

import json

import numpy as np
import pytest

from lstm_lab import flow
from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.simple_rnn import SimpleRNNCell
from lstm_lab.cli import main
from lstm_lab.config import VARIANTS, FlowOptions

SMALL = {"steps": 6, "units": 4, "seeds": 2, "sequences": 2}


def small(**change):
    return FlowOptions(**(SMALL | change))


def test_without_steps_nothing_is_lost():
    measured = flow.measure(LSTMCell("V"), small())
    np.testing.assert_allclose(measured.norms[:, 0], 1)
    np.testing.assert_allclose(measured.smallest[0], 1)
    np.testing.assert_allclose(measured.reference[0], 1)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_measured_with_one_norm_a_lag(variant):
    measured = flow.measure(LSTMCell(variant), small())
    assert measured.norms.shape == (3, 7)
    assert measured.smallest.shape == measured.reference.shape == (7,)
    assert np.isfinite(measured.norms).all()
    assert (np.diff(measured.norms, axis=0) >= 0).all()


@pytest.mark.parametrize("gain", [0.3, 1.0, 3.0])
def test_the_simple_rnn_stays_below_its_bound(gain):
    measured = flow.measure(SimpleRNNCell(), small(gain=gain, seeds=1))
    assert (measured.norms[2] <= measured.reference * (1 + 1e-12)).all()


def test_a_simple_rnn_with_small_weights_vanishes_and_with_large_ones_does_not():
    assert flow.measure(SimpleRNNCell(), small(gain=0.3, steps=20)).factor < 0.5
    weights = small(gain=1.5, steps=20, units=16)
    assert flow.measure(SimpleRNNCell(), weights).factor > 0.9


def test_without_a_forget_gate_the_highway_loses_nothing():
    np.testing.assert_array_equal(flow.measure(LSTMCell("NFG"), small()).reference, 1)


def test_a_larger_forget_bias_keeps_more_of_the_gradient():
    norms = [flow.measure(LSTMCell("V"), small(steps=20, forget_bias=bias)).norms[1, -1] for bias in (-1.0, 1.0, 3.0)]
    assert norms[0] < 0.01 * norms[1] < 0.01 * norms[2]


def test_under_zero_weights_the_norm_is_the_highway():
    measured = flow.measure(LSTMCell("NP"), small(gain=0.0, forget_bias=1.0))
    gate = 1 / (1 + np.exp(-1))
    np.testing.assert_allclose(measured.reference, gate ** np.arange(7))
    assert measured.factor == pytest.approx(gate, rel=0.05)


@pytest.mark.parametrize(("gate", "steps"), [(0.5, 1.0), (0.731, 2.2), (0.99, 69.0)])
def test_the_half_life_of_a_forget_gate(gate, steps):
    assert flow.half_life(gate) == pytest.approx(steps, rel=0.01)


def test_the_factor_leaves_out_exact_zeros():
    assert flow.factor_per_step(np.array([1.0, 0.5, 0.25, 0.0, 0.0])) == pytest.approx(0.5)
    assert flow.factor_per_step(np.array([1.0, 0.0])) == 0


def test_the_popular_product_is_right_for_one_step_and_drifts_afterwards():
    errors = flow.popular_errors(small(gain=1.0))
    assert errors.shape == (5, 4)
    assert errors[0].max() < 1e-15
    assert np.median(errors[1]) > 1e-4
    assert np.median(errors[4]) > np.median(errors[1])


def test_training_changes_the_flow():
    random = flow.measure(SimpleRNNCell(), small(seeds=1))
    trained = flow.measure(SimpleRNNCell(), small(seeds=1, trained=True, updates=3))
    assert np.abs(random.norms - trained.norms).max() > 1e-3


FLAGS = ["--steps", "6", "--units", "4", "--seeds", "1", "--sequences", "2"]


def test_the_command_prints_three_tables(capsys):
    assert main(["flow", "--variant", "V", *FLAGS]) == 0
    flows, biases, popular = capsys.readouterr().out.split("\n\n")
    assert flows.splitlines()[0].startswith("Norm of J[T] ··· J[k+1], median over 1 random weights and 2 sequences")
    assert [line.split()[0] for line in flows.splitlines()[2:]] == ["lstm", "highway"]
    assert [float(line.split()[0]) for line in biases.splitlines()[2:]] == list(flow.BIASES)
    assert popular.splitlines()[1].split()[:3] == ["1", "steps", "0.0%"]


def test_the_simple_rnn_alone_has_no_forget_gate_to_speak_of(capsys):
    assert main(["flow", "--cell", "rnn", *FLAGS]) == 0
    assert "forget" not in capsys.readouterr().out


def test_the_command_prints_json(capsys):
    assert main(["flow", "--json", "--cell", "rnn", "lstm", "--variant", "FGR", *FLAGS]) == 0
    rnn, fgr = json.loads(capsys.readouterr().out)
    assert rnn["lag"] == list(range(7)) and len(rnn["bound"]) == 7
    assert (fgr["variant"], len(fgr["highway"]), len(fgr["norm_90"])) == ("FGR", 7, 7)
    assert (rnn["final_losses"], rnn["guessing_loss"]) == ([], pytest.approx(np.log(2)))


def test_a_training_says_which_cells_are_done(capsys):
    assert main(["flow", "--cell", "rnn", "--trained", "--updates", "1", *FLAGS]) == 0
    captured = capsys.readouterr()
    assert "trained rnn tanh" in captured.err
    assert "median over 1 trained weights" in captured.out


def test_a_cell_that_learned_the_task_is_far_below_guessing_in_json_and_table():
    options = small(trained=True, updates=80)
    measured = flow.measure(SimpleRNNCell(), options)
    assert len(measured.final_losses) == 2
    assert flow.as_json(measured)["final_losses"] == list(measured.final_losses)
    assert max(measured.final_losses) < 0.5 * np.log(2)
    low, high = sorted(measured.final_losses)
    line = flow.flow_table([measured], options).splitlines()[-1]
    assert line.split("loss")[1].split() == [
        f"{(low + high) / 2:.2e},", f"{low:.2e}", "to", f"{high:.2e};", "guessing:", "6.93e-01"
    ]  # fmt: skip


def test_without_training_no_loss_is_shown():
    assert "loss" not in flow.flow_table([flow.measure(SimpleRNNCell(), small())], small())


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--cell", "dense"], "unknown cell 'dense'. Choose from: rnn, lstm."),
        (["--variant", "NFGG"], "unknown variant 'NFGG'. Did you mean NFG"),
        (["--cell", "rnn", "--variant", "V"], "--variant names LSTM variants, got --cell rnn."),
        (["--steps", "1"], "--steps must be 2 or more, got 1."),
        (["--units", "0"], "--units must be 1 or more, got 0."),
        (["--seeds", "0"], "--seeds must be 1 or more, got 0."),
        (["--sequences", "0"], "--sequences must be 1 or more, got 0."),
        (["--gain", "nan"], "--gain must be 0 or more, got nan."),
        (["--gain", "inf"], "--gain must be a finite number, got inf."),
        (["--forget-bias", "nan"], "--forget-bias must be a finite number, got nan."),
        (["--updates", "0"], "--updates must be 1 or more, got 0."),
    ],
)
def test_a_wrong_value_is_refused(flags, text, capsys):
    assert main(["flow", *flags]) == 2
    assert text in capsys.readouterr().err


def test_what_a_float64_cannot_hold_is_a_failure_in_one_line(capsys):
    sizes = ["--units", "3", "--seeds", "1", "--sequences", "1"]
    assert main(["flow", "--cell", "rnn", "--gain", "1000", "--steps", "200", *sizes]) == 1
    text = "over 200 steps at a gain of 1000 the product of the Jacobians, or the bound on it, is too large"
    assert text in capsys.readouterr().err
