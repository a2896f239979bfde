"""The bugs of ../test_mutations.py in the fast twin: with any of them it fails the gradient check."""

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab.cells.activation import TANH
from lstm_lab.fast import fused_cells, fused_sequence
from lstm_lab.problems import UNITS, LSTMProblem, RNNProblem
from mutated_source import Memory, failing, mutated, output_gate_swapped

LENGTH, SEED = 4, 0
P_NEW, P_PREVIOUS = ' + self.p_new * K["o"]  # (5)', 'self.p_previous * K["o"] if row.po_prev'
PEEPHOLES = ' + p["i"] * K["i"] + p["f"] * K["f"]  # (6)'
PREVIOUS_STATES = "parts.weight_gradients(run.x, previous,"


def one_step_early(values):
    """Each step's value (T, B, ·) where that of the next step belongs."""
    return tf.concat([values[:1], values[:-1]], axis=0)


def without_start(states):
    """States (T, B, ·) whose first is zero."""
    return tf.concat([tf.zeros_like(states[:1]), states[1:]], axis=0)


def without_output_gate(R):
    """Recurrent weights (N, 4N) with zeros in the block of the output gate."""
    return tf.concat([R[:, :-UNITS], tf.zeros_like(R[:, -UNITS:])], axis=1)


STEP_MUTATIONS = {
    "the output peephole dropped from s": ("V", {P_NEW: ""}),
    "the output peephole doubled in s": ("V", {P_NEW: ' + 2 * self.p_new * K["o"]'}),
    "the input peephole dropped": ("V", {PEEPHOLES: ' + p["f"] * K["f"]'}),
    "the forget peephole dropped": ("V", {PEEPHOLES: ' + p["i"] * K["i"]'}),
    "the input peephole one step late": (
        "V",
        {
            PEEPHOLES: ' + p["f"] * K["f"]',
            "d_c * factors.q  # (10)": 'd_c * factors.q + self.p["i"] * memory.stale(d_a[:, : d_c.shape[1]])',
        },
    ),
    "both peepholes doubled": ("V", {PEEPHOLES: ' + 2 * (p["i"] * K["i"] + p["f"] * K["f"])'}),
    "the carry with the forget gate of the step before": ("V", {'q = f + p["i"]': 'q = one_step_early(f) + p["i"]'}),
    "the carry dropped": ("V", {'q = f + p["i"]': 'q = p["i"]'}),
    "d_c overwritten where it should be added to": ("V", {"d_c = d_state.c + d_state.y": "d_c = d_state.y"}),
    "d_f with the new cell": ("V", {'K["f"] = previous.c': 'K["f"] = states.c'}),
    "the slope of z at the output": ("V", {"row.input_activation.slope(z)": "TANH.slope(tf.tanh(z))"}),
    "the slope of h(c) at the output": ("V", {"slope(squashed)": "slope(tf.tanh(squashed))"}),
    "d_po with the previous cell": ("V", {"else states.c}": "else previous.c}"}),
    "d_pi with the new cell": ("V", {'{"i": previous.c,': '{"i": states.c,'}),
    "R not transposed": (
        "V",
        {"tf.transpose(flowing.R)": "tf.concat(tf.split(flowing.R, len(self.row.blocks), axis=1), axis=0)"},
    ),
    "the output gate dropped from d_y": (
        "V",
        {"tf.transpose(flowing.R)": "tf.transpose(without_output_gate(flowing.R))"},
    ),
    "the slope of the output gate dropped": ("V", {"squashed * SIGMOID.slope(o)  # (1)": "squashed"}),
    "d_R with the new output": ("V", {"layer_gradients(x, previous.y, d_a)": "layer_gradients(x, states.y, d_a)"}),
    "the input activation's slope kept in NIAF": ("NIAF", {"row.input_activation.slope(z)": "(1 - z * z)"}),
    "d_o with tanh(c) in NOAF": ("NOAF", {'K["o"] = squashed': 'K["o"] = tf.tanh(squashed)'}),
    "d_i with z alone in CIFG": ("CIFG", {"(z - previous.c if row.coupled else z)": "z"}),
    "the carry with i in CIFG": ("CIFG", {"f = 1 - i if row.coupled": "f = i if row.coupled"}),
    "Rab and Rba swapped for the output gate in FGR": (
        "FGR",
        {
            "tf.concat([d_i, d_f, d_o], axis=1) @ self.G_transposed": (
                "output_gate_swapped(tf.concat([d_i, d_f, d_o], axis=1), tf.transpose(self.G_transposed))"
            )
        },
    ),
    "the gate recurrence dropped from d_o in FGR": (
        "FGR",
        {" = tf.split(arriving, 3, axis=1)": " = *tf.split(arriving, 3, axis=1)[:2], 0 * d_state.c"},
    ),
    "the slopes of the gates dropped from what arrives in FGR": ("FGR", {"d_state.gates * factors.S": "d_state.gates"}),
    "what arrives at the gates kept from the peepholes in FGR": (
        "FGR",
        {'+= self.p["i"] * r_i + self.p["f"] * r_f + self': "+= self"},
    ),
}

PO_PREV_MUTATIONS = {
    "the output peephole's error sent to the new cell": {
        P_NEW: ' + self.p_previous * K["o"]',
        P_PREVIOUS: '0 * K["o"] if row.po_prev',
    },
    "the output peephole's error dropped": {P_PREVIOUS: '0 * K["o"] if row.po_prev'},
    "d_po with the new cell": {'"o": previous.c if row.po_prev else states.c': '"o": states.c'},
}

LOOP_MUTATIONS = {
    "the gradient on the final cell forgotten": {
        'checked_state("d_final", d_final, run.final)': "d_final._replace(c=zeros.c)"
    },
    "the initial state forgotten in d_R and d_p": {
        PREVIOUS_STATES: "parts.weight_gradients(run.x, tf.nest.map_structure(without_start, previous),"
    },
    "the gradient from the next step dropped": {"return t - 1, d_previous,": "return t - 1, zeros,"},
    "the outputs of the neighbouring step": {
        "time_major(d_outputs), masks": "tf.roll(time_major(d_outputs), 1, 0), masks"
    },
    "masked steps treated as real": {"if run.mask is None else choose(mask, d_state, zeros)": ""},
    "the copied state dropped at masked steps": {"if run.mask is not None:": "if False:"},
    "the gradient of the last step alone": {
        "run.states, d_a), time_major": "run.states, d_a - without_start(d_a[::-1])[::-1]), time_major"
    },
    "the states after the steps for those before": {"tf.concat([first[None], after[:-1]], 0)": "after"},
}

RNN_MUTATIONS = {
    "the slope dropped": {"TANH.slope(states.h)  # (15)": "tf.ones_like(states.h)"},
    "the slope behind the product, as printed in the book": {
        "State(d_a @ self.W_transposed)": "State(d_state.h @ self.W_transposed * factors)"
    },
    "W not transposed": {"tf.transpose(weights.W), weights.U": "weights.W, weights.U"},
    "d_W with the new state": {"layer_gradients(x, previous.h, d_a)": "layer_gradients(x, states.h, d_a)"},
    "the biases' gradient without the first step": {
        "tf.ones_like(x[:, :, :1])": "without_start(tf.ones_like(x[:, :, :1]))"
    },
}


def twin(step_replacements, loop_replacements=()):
    """A copy of the fast twin with replacements in one step's part, and in the loop over time."""
    names = {"without_start": without_start, "without_output_gate": without_output_gate}
    names |= {"one_step_early": one_step_early, "output_gate_swapped": output_gate_swapped, "memory": Memory()}
    loop = mutated(fused_sequence, dict(loop_replacements), without_start=without_start)
    loop.fused = mutated(fused_cells, step_replacements, TANH=TANH, **names).fused
    return loop


def lstm_problem(variant, loop, **options):
    return LSTMProblem(variant, LENGTH, np.random.default_rng(SEED), unrolled=loop, **options)


@pytest.mark.parametrize("mutation", STEP_MUTATIONS)
def test_a_fused_lstm_with_this_bug_fails(mutation):
    variant, replacements = STEP_MUTATIONS[mutation]
    assert failing(lstm_problem(variant, twin(replacements)))


@pytest.mark.parametrize("variant", ["V", "FGR"])
@pytest.mark.parametrize("mutation", PO_PREV_MUTATIONS)
def test_a_fused_lstm_whose_output_gate_sees_the_previous_cell_fails_with_this_bug(mutation, variant):
    assert failing(lstm_problem(variant, twin(PO_PREV_MUTATIONS[mutation]), po_prev=True))


def test_fused_fgr_fails_where_what_arrives_at_the_gates_misses_the_previous_cell():
    replacements = {" + self.p_previous * r_o  # (14)": ""}
    assert failing(lstm_problem("FGR", twin(replacements), po_prev=True))


@pytest.mark.parametrize("mutation", LOOP_MUTATIONS)
def test_a_fused_loop_with_this_bug_fails(mutation):
    assert failing(lstm_problem("V", twin({}, LOOP_MUTATIONS[mutation])))


@pytest.mark.parametrize("mutation", RNN_MUTATIONS)
def test_a_fused_simple_rnn_with_this_bug_fails(mutation):
    problem = RNNProblem(LENGTH, np.random.default_rng(SEED), unrolled=twin(RNN_MUTATIONS[mutation]))
    assert failing(problem)


@pytest.mark.parametrize("po_prev", [False, True])
@pytest.mark.parametrize("variant", ["V", "NIAF", "NOAF", "CIFG", "FGR"])
def test_a_copy_of_the_twin_without_a_bug_passes(variant, po_prev):
    assert not failing(lstm_problem(variant, twin({}), po_prev=po_prev))


def test_a_copy_of_the_twin_without_a_bug_passes_for_the_simple_rnn():
    assert not failing(RNNProblem(LENGTH, np.random.default_rng(SEED), unrolled=twin({})))


@pytest.mark.parametrize(
    ("mutation", "tensors"),
    [
        ("d_po with the previous cell", {"po"}),
        ("d_pi with the new cell", {"pi"}),
        ("d_R with the new output", {"Ri", "Rf", "Rz", "Ro"}),
    ],
)
def test_a_bug_in_one_array_of_the_twin_fails_that_array_alone(mutation, tensors):
    variant, replacements = STEP_MUTATIONS[mutation]
    assert failing(lstm_problem(variant, twin(replacements))) == tensors
