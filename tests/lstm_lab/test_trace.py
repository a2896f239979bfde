"""The values and deltas on the wires of the LSTM block."""

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab import sequence
from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.lstm_weights import named
from lstm_lab.config import VARIANTS
from lstm_lab.figures.block import wires_of
from lstm_lab.oracle import sigmoid
from lstm_lab.problems import LSTMProblem
from lstm_lab.trace import trace
from lstm_lab.trace_page import trace_of
from transformer_tutorial.runtime.errors import UsageError

LENGTH = 3


def problem(variant, error_flow="full"):
    return LSTMProblem(variant, LENGTH, np.random.default_rng(3), error_flow)


def loss(problem, moved=None, step=0, move=None):
    """The loss of the first sequence in NumPy, where one wire carries `move` more at one step."""
    arrays, variant = problem.arrays, problem.variant
    y, c = arrays["y0"][0], arrays["c0"][0]
    s = [arrays[f"{gate}0"][0] for gate in "ifo"] if variant == "FGR" else None
    total = 0
    for t in range(LENGTH):

        def at(wire, value, t=t):
            return value + move if (wire, t) == (moved, step) else value

        y, c = at("y-", y), at("c-", c)
        x = at("x", arrays["x"][0, t])

        def pre(block, cell=None, x=x, y=y, at=at, s=s):
            a = at(f"x-{block}", x @ arrays[f"W{block}"]) + at(f"y-{block}", y) @ arrays[f"R{block}"]
            if block != "z" and variant != "NP":
                a = a + arrays[f"p{block}"] * at(f"c-{block}", cell)
            if block != "z" and variant == "FGR":
                gains = sum(gate @ arrays[f"R{a}{block}"] for a, gate in zip("ifo", s, strict=True))
                a = a + at(f"s-{block}", gains)
            return a + arrays[f"b{block}"]

        z = at("z", pre("z") if variant == "NIAF" else np.tanh(pre("z")))
        gate_i = 1 if variant == "NIG" else sigmoid(pre("i", c))
        gate_f = 1 if variant == "NFG" else 1 - at("i>1", gate_i) if variant == "CIFG" else sigmoid(pre("f", c))
        f = gate_f if variant == "NFG" else at("1>f" if variant == "CIFG" else "f", gate_f)
        i = gate_i if variant == "NIG" else at("i", gate_i)
        new = at("c", at("zi", z * i) + at("cf", at("carry", c) * f))
        gate_o = 1 if variant == "NOG" else sigmoid(pre("o", new))
        o = gate_o if variant == "NOG" else at("o", gate_o)
        seen = at("c-h", new)
        y = at("y", at("h", seen if variant == "NOAF" else np.tanh(seen)) * o)
        total = total + problem.d_outputs[0, t] @ at("out", y)
        y, c = at("y+", y), at("c+", new)
        s = [at("i+", gate_i), at("f+", gate_f), at("o+", gate_o)] if variant == "FGR" else None
    total = total + problem.d_final["y"][0] @ y + problem.d_final["c"][0] @ c
    return total + (sum(problem.d_final[gate][0] @ value for gate, value in zip("ifo", s, strict=True)) if s else 0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_delta_is_the_losss_derivative_along_its_wire(variant):
    checked = problem(variant)
    for t, step in enumerate(trace_of(checked)):
        for wire in step.deltas.keys() - {"s-"}:
            moves = 1e-30j * np.eye(len(step.deltas[wire]))
            measured = [loss(checked, wire, t, move).imag / 1e-30 for move in moves]
            np.testing.assert_allclose(step.deltas[wire], measured, atol=1e-13, err_msg=f"{wire} at {t}")


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_has_its_wires_and_no_others(variant):
    for step in trace_of(problem(variant)):
        assert set(step.values) == set(step.deltas) == wires_of(variant)


@pytest.mark.parametrize("variant", VARIANTS)
def test_values_are_those_of_the_cell(variant):
    checked = problem(variant)
    tensors = {name: tf.constant(array) for name, array in checked.arrays.items()}
    cell, weights, run, *_ = checked._forward(tensors)
    for step, kept in zip(trace_of(checked), run.steps, strict=True):
        expected = {"z": kept.z, "h": kept.squashed, "c": kept.state.c, "y": kept.state.y, "carry": kept.previous.c}
        expected |= {"y-": kept.previous.y, "x": kept.x}
        expected |= {gate: getattr(kept, gate) for gate in cell.row.gates}
        for wire, value in expected.items():
            np.testing.assert_allclose(step.values[wire], value[0], atol=1e-15)
        np.testing.assert_allclose(step.values["zi"] + step.values["cf"], step.values["c"], atol=1e-15)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_values_that_arrive_at_a_gate_open_it_as_far_as_the_cell_does(variant):
    checked = problem(variant)
    for step in trace_of(checked):
        for block in LSTMCell(variant).row.gates:
            a = checked.arrays[f"b{block}"] + sum(v for wire, v in step.values.items() if wire.endswith(f"-{block}"))
            np.testing.assert_allclose(sigmoid(a), step.values[block], atol=1e-14)


@pytest.mark.parametrize("variant", VARIANTS)
def test_deltas_that_meet_add_up_to_what_the_backward_pass_returns(variant):
    for step in trace_of(problem(variant)):
        deltas, absent = step.deltas, np.zeros(5)
        np.testing.assert_allclose(sum(deltas.get(f"y-{block}", absent) for block in "ifzo"), deltas["y-"], atol=1e-14)
        peepholes = deltas.get("c-i", absent) + deltas.get("c-f", absent)
        np.testing.assert_allclose(deltas["carry"] + peepholes, deltas["c-"], atol=1e-14)
        np.testing.assert_allclose(deltas["out"] + deltas["y+"], deltas["y"], atol=1e-15)


def test_the_results_of_the_weight_equations_are_the_summands_of_the_gradient():
    checked = problem("FGR")
    tensors = {name: tf.constant(array) for name, array in checked.arrays.items()}
    cell, weights, run, *_ = checked._forward(tensors)
    first = [tf.nest.map_structure(lambda part: part[:1], step) for step in run.steps]
    run = sequence.Run(run.outputs[:1], first[-1].state, first, None)
    d_final = tf.nest.map_structure(lambda part: part[:1], checked._forward(tensors)[-1])
    by_step = sequence.backward_by_step(cell, weights, run, tf.constant(checked.d_outputs[:1]), d_final)
    for step, gradients in zip(reversed(trace_of(checked)), by_step, strict=True):
        found = {name: array for number in (17, 18, 19, 20, 23) for name, array in step.results[number].items()}
        expected = named("FGR", gradients.weights)
        assert len(found) == len(expected)
        for name, array in found.items():
            plain = name.removeprefix("δ").replace("ᵢ", "i").replace("ₒ", "o").replace("_", "")
            np.testing.assert_allclose(array, expected[plain], atol=1e-15)


def test_a_cut_edge_carries_no_delta():
    for step in trace_of(problem("V", "truncated")):
        cut = [wire for wire in step.deltas if wire in ("c-i", "c-f", "c-o") or wire.startswith("y-")]
        assert len(cut) == 8
        assert not any(np.any(step.deltas[wire]) for wire in cut)
        assert all(np.all(step.deltas[wire]) for wire in ("o", "i", "f", "c", "x-i"))


def test_an_input_that_is_no_number_is_refused_with_its_time_step():
    weights = LSTMProblem("NP", 1, np.random.default_rng(0))._forward(
        {name: tf.constant(array) for name, array in LSTMProblem("NP", 1, np.random.default_rng(0)).arrays.items()}
    )[1]
    x = tf.constant([[0.0, 0.0, 0.0], [0.0, np.nan, 0.0]], tf.float64)
    with pytest.raises(UsageError, match="x holds nan first at time step 2 of 2"):
        trace(LSTMCell("NP"), weights, x, tf.zeros((2, 5), tf.float64))
