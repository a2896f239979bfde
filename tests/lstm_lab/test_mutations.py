"""A backward pass with a known bug fails the gradient check; the same pass without it does not.

Each mutation replaces a piece of the source of a cell, or of the loop over time. The bugs are those that are easy to
make by hand, and some that were shipped elsewhere. fast/test_fused_mutations.py has the same bugs in the fast twin.
"""

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab import sequence
from lstm_lab.cells import dense, lstm, simple_rnn
from lstm_lab.cells.activation import TANH
from lstm_lab.problems import DenseProblem, LSTMProblem, RNNProblem
from mutated_source import Memory, failing, mutated, output_gate_swapped

LENGTH, SEED = 4, 0


def recurrent_untransposed(d, R, blocks):
    """R instead of its transpose, block by block."""
    parts = tf.split(R, len(blocks), axis=1)
    return tf.add_n([d[block] @ part for block, part in zip(blocks, parts, strict=True)])


def without_start(gradients, t):
    """The gradients of the first step as if y[0] and c[0] were zero."""
    if t:
        return gradients
    weights = gradients.weights
    keeps_output_gate = tf.constant([[0.0], [0.0], [1.0]], weights.p.dtype)
    return gradients._replace(weights=weights._replace(R=0 * weights.R, p=keeps_output_gate * weights.p))


PEEPHOLES = '+ p["i"] * d["i"] + p["f"] * d["f"] +'

LSTM_MUTATIONS = {
    "the output peephole dropped from d_c": ("V", {' + p_new * d["o"]  # (9)': ""}),
    "the output peephole doubled in d_c": ("V", {'+ p_new * d["o"]  # (9)': '+ 2 * p_new * d["o"]'}),
    "the input peephole dropped": ("V", {PEEPHOLES: '+ p["f"] * d["f"] +'}),
    "the forget peephole dropped": ("V", {PEEPHOLES: '+ p["i"] * d["i"] +'}),
    "the input peephole one step late": ("V", {PEEPHOLES: '+ p["i"] * memory.stale(d["i"]) + p["f"] * d["f"] +'}),
    "both peepholes doubled": ("V", {PEEPHOLES: '+ 2 * (p["i"] * d["i"] + p["f"] * d["f"]) +'}),
    "the carry with the forget gate of the step before": (
        "V",
        {
            "= d_c * f + p": "= d_c * memory.before(f) + p",
            "Step((), state, i, f,": "Step((), state, i, memory.remember(f),",
        },
    ),
    "the carry dropped": ("V", {"= d_c * f + p": "= p"}),
    "d_c overwritten where it should be added to": ("V", {"d_c = d_state.c + ": "d_c = "}),
    "d_f with the new cell": ("V", {'(d_c * c_previous + d_gates["f"])': '(d_c * step.state.c + d_gates["f"])'}),
    "the slope of z at the output": ("V", {"row.input_activation.slope(z)": "TANH.slope(tf.tanh(z))"}),
    "the slope of h(c) at the output": ("V", {"slope(squashed)": "slope(tf.tanh(squashed))"}),
    "d_po with the previous cell": ("V", {"else step.state.c}": "else c_previous}"}),
    "d_pi with the new cell": ("V", {'{"i": c_previous,': '{"i": step.state.c,'}),
    "R not transposed": ("V", {"d_a @ tf.transpose(flowing.R)": "recurrent_untransposed(d, flowing.R, row.blocks)"}),
    "the output gate dropped from d_y": (
        "V",
        {"d_a @ tf.transpose(flowing.R)": "tf.concat([d_a[:, :-5], 0 * d['o']], axis=1) @ tf.transpose(flowing.R)"},
    ),
    "the slope of the output gate dropped": ("V", {" * SIGMOID.slope(o)  # (8)": ""}),
    "d_R with the new output": ("V", {"tf.transpose(step.previous.y) @": "tf.transpose(step.state.y) @"}),
    "the input activation's slope kept in NIAF": ("NIAF", {"row.input_activation.slope(z)": "(1 - z * z)"}),
    "d_o with tanh(c) in NOAF": ("NOAF", {"d_state.y * squashed +": "d_state.y * tf.tanh(squashed) +"}),
    "d_i with z alone in CIFG": ("CIFG", {"z - c_previous if row.coupled else z": "z"}),
    "the carry with i in CIFG": ("CIFG", {"= d_c * f + p": "= d_c * i + p"}),
    "Rab and Rba swapped for the output gate in FGR": (
        "FGR",
        {"_joined(d) @ tf.transpose(flowing.G)": "output_gate_swapped(_joined(d), flowing.G)"},
    ),
    "the gate recurrence dropped from d_o in FGR": ("FGR", {'squashed + d_gates["o"]': "squashed"}),
}

LOOP_MUTATIONS = {
    "the gradient on the final cell forgotten": {
        'checked_state("d_final", d_final, run.final)\n': "d_final._replace(c=zeros.c)\n"
    },
    "the initial state forgotten in d_R and d_p": {
        "        yield gradients\n": "        yield without_start(gradients, t)\n"
    },
    "the gradient from the next step dropped": {"d_state = gradients.state\n": "d_state = zeros\n"},
    "the outputs of the neighbouring step": {"d_outputs[:, t]": "d_outputs[:, t - 1]"},
    "masked steps treated as real": {"if run.masks is None else choose(run.masks[t], d_state, zeros)": ""},
    "the copied state dropped at masked steps": {"if run.masks is not None:": "if False:"},
    "the gradient of the last step alone": {
        "gradients.weights for gradients in by_step)": "gradients.weights for gradients in by_step[:1])"
    },
}

RNN_MUTATIONS = {
    "the slope dropped": {"d_state.h * TANH.slope(step.state.h)": "d_state.h"},
    "the slope behind the product, as printed in the book": {
        "d_a @ tf.transpose(weights.W)": "d_state.h @ tf.transpose(weights.W) * TANH.slope(step.state.h)"
    },
    "W not transposed": {"d_a @ tf.transpose(weights.W)": "d_a @ weights.W"},
    "d_W with the new state": {"tf.transpose(step.previous.h)": "tf.transpose(step.state.h)"},
    "V not applied with its transpose": {"tf.tensordot(d_o, tf.transpose(readout.V), 1)": "0 * outputs"},
}

DENSE_MUTATIONS = {
    "the first slope dropped": {" * slope(run.h1)": ""},
    "the second slope at the wrong layer's output": {"slope(run.h2)": "slope(tf.tanh(run.h2))"},
    "prediction and target exchanged": {"run.prediction - target": "target - run.prediction"},
    "the mean of the bias's gradient": {"tf.reduce_sum(d_a, axis=0)": "tf.reduce_mean(d_a, axis=0)"},
}


PO_PREV_MUTATIONS = {
    "the output peephole's error sent to the new cell": {
        "+ p_new * d": "+ p_previous * d",
        '+ p_previous * d["o"]  # (16)': "",
    },
    "the output peephole's error dropped": {'+ p_previous * d["o"]  # (16)': ""},
    "d_po with the new cell": {'"o": c_previous if row.po_prev else step.state.c': '"o": step.state.c'},
    "the output gate sees the new cell": {"p, c_previous if row.po_prev else c)  # (6)": "p, c)"},
}


def lstm_problem(variant, **parts):
    return LSTMProblem(variant, LENGTH, np.random.default_rng(SEED), **parts)


def mutated_cell(replacements):
    extra = {"memory": Memory(), "TANH": TANH, "recurrent_untransposed": recurrent_untransposed}
    return mutated(lstm, replacements, output_gate_swapped=output_gate_swapped, **extra).LSTMCell


@pytest.mark.parametrize("mutation", LSTM_MUTATIONS)
def test_an_lstm_with_this_bug_fails(mutation):
    variant, replacements = LSTM_MUTATIONS[mutation]
    assert failing(lstm_problem(variant, lstm=mutated_cell(replacements)))


@pytest.mark.parametrize("variant", ["V", "FGR"])
@pytest.mark.parametrize("mutation", PO_PREV_MUTATIONS)
def test_an_lstm_whose_output_gate_sees_the_previous_cell_fails_with_this_bug(mutation, variant):
    assert failing(lstm_problem(variant, po_prev=True, lstm=mutated_cell(PO_PREV_MUTATIONS[mutation])))


@pytest.mark.parametrize("mutation", LOOP_MUTATIONS)
def test_a_loop_over_time_with_this_bug_fails(mutation):
    loop = mutated(sequence, LOOP_MUTATIONS[mutation], without_start=without_start)
    assert failing(lstm_problem("V", unrolled=loop))


@pytest.mark.parametrize("mutation", RNN_MUTATIONS)
def test_a_simple_rnn_with_this_bug_fails(mutation):
    module = mutated(simple_rnn, RNN_MUTATIONS[mutation])
    assert failing(RNNProblem(LENGTH, np.random.default_rng(SEED), rnn=module))


@pytest.mark.parametrize("mutation", DENSE_MUTATIONS)
def test_a_dense_network_with_this_bug_fails(mutation):
    network = mutated(dense, DENSE_MUTATIONS[mutation]).DenseNetwork
    assert failing(DenseProblem("softmax", np.random.default_rng(SEED), network=network))


@pytest.mark.parametrize("variant", ["V", "NIAF", "NOAF", "CIFG", "FGR"])
def test_a_copy_without_a_bug_passes(variant):
    assert not failing(lstm_problem(variant, lstm=mutated_cell({}), unrolled=mutated(sequence, {})))


def test_copies_of_the_other_cells_without_a_bug_pass():
    random = np.random.default_rng(SEED)
    assert not failing(RNNProblem(LENGTH, random, rnn=mutated(simple_rnn, {})))
    assert not failing(DenseProblem("softmax", random, network=mutated(dense, {}).DenseNetwork))


@pytest.mark.parametrize(
    ("mutation", "tensors"),
    [
        ("d_po with the previous cell", {"po"}),
        ("d_pi with the new cell", {"pi"}),
        ("d_R with the new output", {"Ri", "Rf", "Rz", "Ro"}),
    ],
)
def test_a_bug_in_one_array_fails_that_array_alone(mutation, tensors):
    variant, replacements = LSTM_MUTATIONS[mutation]
    assert failing(lstm_problem(variant, lstm=mutated_cell(replacements))) == tensors


def test_a_forgotten_initial_state_fails_what_is_paired_with_it_alone():
    loop = mutated(sequence, LOOP_MUTATIONS["the initial state forgotten in d_R and d_p"], without_start=without_start)
    assert failing(lstm_problem("V", unrolled=loop)) == {"Ri", "Rf", "Rz", "Ro", "pi", "pf"}


def test_a_replacement_that_is_not_found_is_an_error():
    with pytest.raises(LookupError, match="must hold 'no such line' once, holds it 0 times"):
        mutated(lstm, {"no such line": ""})
