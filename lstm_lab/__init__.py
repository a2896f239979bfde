"""Networks with memory, each with its backward pass written by hand.

Letters, in shapes and in equations:

    B  batch                T  time steps           M  input size
    N  units (blocks)       K  classes or outputs   x  input
    y  LSTM output          c  LSTM cell            h  RNN state
    z  block input          i, f, o  input, forget and output gate
    W  input weights        R  recurrent weights    p  peepholes
    b  biases               G  gate recurrence      σ  1 / (1 + exp(-a))
    a  pre-activation       Δ  gradient that reaches an output from outside

`d_x` is the derivative of the loss by `x`, summed over the batch where `x` has no batch axis. Equations write rows:
a batch is (B, M), a kernel (M, N). A step's previous state has a minus, as in c₋. Time counts from 1 in equations
and messages, from 0 in code. Arrays are batch-major: (B, T, M).

Reading order:

    cells/dense.py          the warm-up: three layers forwards, and backwards
    cells/simple_rnn.py     one step of the simple RNN, and its readout
    cells/lstm.py           one step of the LSTM; its variants are rows of cells/lstm_variants.py
    sequence.py             any cell unrolled; back-propagation through time, whole and truncated
    oracle.py, problems.py  the same forward passes in NumPy, and random problems to compare on
    gradcheck.py            by hand = tape = complex step = central differences
    trace.py, figures/      what flows along each wire, and pictures of it; trace_page.py and plot.py write them
    jacobians.py, flow.py   how a gradient vanishes or explodes over time; remembering.py trains what flow.py shows
    clipping.py, cliff.py   clipping gradients, and the cliff that it is for
    fast/                   the twin of sequence.py: the same numbers with as little as possible in the loop over time
    step_layers.py, layers.py  the cells as Keras layers
    training.py             such a layer in `fit`, on any devices, and nothing lost; train_options.py has its flags

Beside the path: cells/perceptron.py (what one line can separate), cells/activation.py, shape.py (refusing what does not
fit), config.py and cli.py (the command line).

Commands: python -m lstm_lab --help
"""

import importlib

_PUBLIC = {
    "SimpleRNN": "lstm_lab.layers",
    "LSTM": "lstm_lab.layers",
    "DenseNetwork": "lstm_lab.cells.dense",
    "SimpleRNNCell": "lstm_lab.cells.simple_rnn",
    "LSTMCell": "lstm_lab.cells.lstm",
    "forward": "lstm_lab.sequence",
    "backward": "lstm_lab.sequence",
    "backward_by_step": "lstm_lab.sequence",
    "truncated_backward": "lstm_lab.sequence",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str):
    """Loads a public name on first use, so that `import lstm_lab` does not import TensorFlow."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}.")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
