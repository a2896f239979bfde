"""The cells: each file holds one step forwards, and backwards by hand.

Reading order: activation.py, dense.py, simple_rnn.py, lstm.py. A recurrent cell has three methods, and
`lstm_lab.sequence` unrolls whatever has them:

    zero_state(weights, batch) -> state                   a NamedTuple whose first field is the cell's output
    forward(weights, x, state) -> step                    step.state is the next state; the rest is kept for later
    backward(weights, step, d_state) -> StepGradients     the loss's derivative by weights, x and previous state

A weight, or a part of the state, that a cell lacks is the empty tuple, which `tf.nest` passes over.
"""

from typing import Any, NamedTuple


class StepGradients(NamedTuple):
    """What one step's backward pass returns.

    Attributes:
        weights: like the cell's weights: this step's summand, summed over the batch.
        x: float, (B, M).
        state: like the cell's state: the derivative by the PREVIOUS state.
    """

    weights: Any
    x: Any
    state: Any
