"""The table of gradient checks: what it covers, what it calls wrong, and how it says so."""

import itertools
import json

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab import gradcheck, problems, sequence
from lstm_lab.cells import lstm_variants
from lstm_lab.cli import main
from lstm_lab.config import ERROR_FLOWS, VARIANTS, WITHOUT_OUTPUT_PEEPHOLE, GradcheckOptions
from lstm_lab.gradcheck import Errors, check, first_difference, problem_groups, relative_error
from lstm_lab.problems import DenseProblem, LSTMProblem, RNNProblem

KEYS = ["cell", "variant", "tensor", "shape", "relative_error_tape", "relative_error_difference", "ok"]


class WrongAtStep(RNNProblem):
    """A simple RNN whose backward pass is wrong at time step 3, in element (1, 2) of W and of nothing else."""

    def by_hand(self, arrays):
        gradients = super().by_hand(arrays)
        return gradients | {"W": gradients["W"] + self._wrong()}

    def by_hand_at_steps(self, arrays):
        for t, gradients in zip(reversed(range(self.length)), super().by_hand_at_steps(arrays), strict=True):
            yield gradients | ({"W": gradients["W"] + self._wrong()} if t + 1 == 3 else {})

    def _wrong(self):
        return 0.125 * np.eye(5)[1][:, None] * np.eye(5)[2]


def random(seed=0):
    return np.random.default_rng(seed)


def lines(captured: str) -> list[str]:
    return captured.strip().splitlines()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_equal_by_hand_by_tape_and_by_differences(variant):
    rows = check([LSTMProblem(variant, length, random(length)) for length in (1, 7)])
    assert all(row.ok for row in rows)
    assert max(row.errors.tape for row in rows) < 1e-14


@pytest.mark.parametrize("variant", [variant for variant in VARIANTS if variant not in WITHOUT_OUTPUT_PEEPHOLE])
def test_every_variant_is_equal_in_all_ways_where_the_output_gate_sees_the_previous_cell(variant):
    rows = check([LSTMProblem(variant, length, random(length), po_prev=True) for length in (1, 7)])
    assert all(row.ok for row in rows)
    assert {"po", "c0"} <= {row.tensor for row in rows}


@pytest.mark.parametrize("problem", [*map(DenseProblem, ("softmax", "sigmoid", "linear"), itertools.repeat(random()))])
def test_every_output_of_the_dense_network_is_equal_in_all_ways(problem):
    assert all(row.ok for row in check([problem]))


def test_the_simple_rnn_is_equal_in_all_ways():
    assert all(row.ok for row in check([RNNProblem(length, random(length)) for length in (1, 7)]))


def test_every_array_of_a_variant_has_a_row():
    rows = check([LSTMProblem("FGR", 2, random())])
    gates = {f"R{a}{b}" for a in "ifo" for b in "ifo"}
    blocks = {f"{letter}{block}" for letter in "WRb" for block in "ifzo"}
    assert {row.tensor for row in rows} == blocks | gates | {"pi", "pf", "po", "x", "y0", "c0", "i0", "f0", "o0"}


def test_no_gradient_that_is_compared_is_zero():
    for problem in (LSTMProblem("FGR", 3, random()), RNNProblem(3, random()), DenseProblem("softmax", random())):
        gradients = problem.by_hand({name: tf.constant(array) for name, array in problem.arrays.items()})
        assert gradients.keys() == problem.arrays.keys()
        assert all(np.any(gradient.numpy()) for gradient in gradients.values())


@pytest.mark.parametrize("problem", [RNNProblem(4, random()), LSTMProblem("FGR", 4, random())])
def test_the_summands_of_the_time_steps_add_up_to_the_gradients(problem):
    arrays = {name: tf.constant(array) for name, array in problem.arrays.items()}
    whole, steps = problem.by_hand(arrays), list(problem.by_hand_at_steps(arrays))
    assert steps[0].keys() == {name for name in whole if not name.endswith("0")}
    for name in steps[0].keys() - {"x"}:
        np.testing.assert_allclose(sum(step[name] for step in steps), whole[name], atol=1e-14)
    np.testing.assert_array_equal(tf.stack([step["x"] for step in reversed(steps)], axis=1), whole["x"])


def test_the_last_sequence_of_a_problem_is_padded():
    assert problems.padding(7).tolist() == [[True] * 7, [True] * 5 + [False] * 2]
    assert problems.padding(1).all()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("error_flow", ERROR_FLOWS)
def test_a_truncated_gradient_equals_a_tape_that_cuts_the_same_edges(variant, error_flow):
    rows = check([LSTMProblem(variant, 3, random(), error_flow)])
    assert max(row.errors.tape for row in rows) < 1e-14
    cuts_nothing = error_flow == "full" or (variant == "NP" and error_flow == "no_peephole_error")
    assert all(row.ok for row in rows) == cuts_nothing


def test_a_padded_sequence_problem_notices_a_wrong_mask():
    problem = LSTMProblem("V", 6, random())
    arrays = {name: tf.constant(array) for name, array in problem.arrays.items()}
    masked = problem.tape_loss(arrays)
    problem.mask = np.ones_like(problem.mask)
    assert abs(float(masked - problem.tape_loss(arrays))) > 1e-3


def test_equal_arrays_have_the_error_zero_and_opposite_ones_the_error_one():
    array = random().normal(size=(3, 4))
    assert relative_error(array, array) == 0
    assert relative_error(array, -array) == pytest.approx(1)
    assert relative_error(np.zeros(3), np.zeros(3)) == 0
    assert relative_error(array, 1.01 * array) == pytest.approx(0.01 / 2.01)


def test_nan_is_over_every_limit():
    limits = gradcheck.LIMITS["float64"]
    assert Errors(1.0, 0.0, 0.0, 0.0).within(limits)
    assert not Errors(0.0, float("nan"), 0.0, 0.0).within(limits)
    assert not Errors(0.0, 0.0, 0.0, 2e-6).within(limits)


def test_a_failing_row_names_its_first_time_step_and_element():
    rows = {row.tensor: row for row in check([WrongAtStep(5, random())])}
    assert [name for name, row in rows.items() if not row.ok] == ["W"]
    text = first_difference(rows["W"])
    assert text.startswith("first differs, going backwards, at time step 3 of 5, element (1, 2): by hand ")
    hand, expected = (float(part.split()[-1]) for part in text.split(", expected"))
    assert hand - expected == pytest.approx(0.125)


def test_a_failing_initial_state_is_named_as_time_step_0():
    rows = {row.tensor: row for row in check([LSTMProblem("V", 3, random(), "truncated")])}
    assert first_difference(rows["y0"]).startswith("differs at time step 0, element (")


def test_a_failing_dense_network_names_the_element():
    class Wrong(DenseProblem):
        def by_hand(self, arrays):
            gradients = super().by_hand(arrays)
            return gradients | {"b2": gradients["b2"] * [1, 1, 2, 1, 1]}

    rows = {row.tensor: row for row in check([Wrong("softmax", random())])}
    assert first_difference(rows["b2"]).startswith("differs in element (2): by hand ")


def test_the_worst_of_several_problems_makes_the_row():
    rows = check([RNNProblem(4, random()), WrongAtStep(5, random()), RNNProblem(6, random())])
    worst = next(row for row in rows if row.tensor == "W")
    assert (worst.ok, worst.problem.length) == (False, 5)


def test_float32_is_held_to_wider_limits():
    problem = LSTMProblem("V", 4, random())
    rows = check([problem], "float32")
    assert all(row.ok for row in rows)
    assert max(row.errors.complex_step for row in rows) > gradcheck.LIMITS["float64"].complex_step


def test_the_command_prints_a_table_and_returns_0(capsys):
    assert main(["gradcheck", "--variant", "V", "NIG", "--lengths", "3", "--seeds", "1"]) == 0
    table = lines(capsys.readouterr().out)
    assert len(table) == 1 + 18 + 14 + 1
    assert table[1].split()[:4] == ["lstm", "V", "Wi", "3x5"]
    assert table[-1].startswith("32 of 32 tensors within the limits: tape 1e-12, complex step 1e-12, differences 1e-06")


def test_the_json_is_a_list_of_objects_with_the_agreed_keys(capsys):
    assert main(["gradcheck", "--cell", "rnn", "--json", "--lengths", "3", "--seeds", "0"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(list(row) == KEYS for row in rows)
    assert [row["tensor"] for row in rows] == ["U", "W", "b", "V", "c", "x", "h0"]
    assert rows[5]["shape"] == [2, 3, 3]
    assert all(row["ok"] is True and row["relative_error_tape"] <= 1e-12 for row in rows)


def test_a_row_over_the_limit_makes_the_exit_code_1(capsys):
    flags = ["--variant", "V", "--lengths", "3", "--seeds", "0", "--error-flow", "truncated"]
    assert main(["gradcheck", *flags]) == 1
    captured = capsys.readouterr()
    assert "OVER THE LIMIT" in captured.out
    assert "0 of 18 tensors within the limits" in captured.out
    assert "lstm V Wi: first differs, going backwards, at time step " in captured.err


def test_an_error_that_is_no_number_is_null_in_json(monkeypatch, capsys):
    broken = tf.constant(float("nan"), tf.float64)
    by_hand = RNNProblem.by_hand
    monkeypatch.setattr(
        RNNProblem, "by_hand", lambda self, arrays: {k: v * broken for k, v in by_hand(self, arrays).items()}
    )
    assert main(["gradcheck", "--cell", "rnn", "--json", "--lengths", "2", "--seeds", "0"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert all(row["relative_error_tape"] is None and row["ok"] is False for row in rows)


def test_po_prev_checks_the_variants_that_have_an_output_peephole(capsys):
    options = GradcheckOptions(po_prev=True)
    problems = [group[0] for group in problem_groups(options)]
    assert [problem.variant for problem in problems] == ["V", "NIG", "NFG", "NIAF", "NOAF", "CIFG", "FGR"]
    assert all(problem.po_prev for problem in problems)
    assert main(["gradcheck", "--po-prev", "--variant", "V", "--lengths", "2", "--seeds", "0"]) == 0
    assert capsys.readouterr().out.strip().endswith("(float64, lengths 2, seeds 0, po_prev).")


def test_without_flags_every_cell_and_variant_is_checked():
    groups = [(group[0].cell, group[0].variant, len(group)) for group in problem_groups(GradcheckOptions())]
    dense = [("dense", output, 2) for output in ("softmax", "sigmoid", "linear")]
    assert groups == [*dense, ("rnn", "tanh", 6), *(("lstm", variant, 6) for variant in VARIANTS)]


def test_the_names_on_the_command_line_are_those_of_the_tables():
    assert list(VARIANTS) == list(lstm_variants.VARIANTS)
    assert list(ERROR_FLOWS) == list(lstm_variants.ERROR_FLOWS)


def test_the_tape_and_the_loop_are_those_that_users_call():
    assert LSTMProblem("V", 2, random()).unrolled is sequence
