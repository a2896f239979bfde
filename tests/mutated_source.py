"""Copies of modules with a known bug in them, and what a gradient check says about it."""

import inspect
import types

import tensorflow as tf

from lstm_lab.gradcheck import LIMITS, check


def mutated(module: types.ModuleType, replacements: dict[str, str], **names) -> types.ModuleType:
    """A copy of `module` in which each key of `replacements`, found exactly once, has become its value.

    `names` are further globals that the new source may use.
    """
    source = inspect.getsource(module)
    for old, new in replacements.items():
        if source.count(old) != 1:
            raise LookupError(f"{module.__name__} must hold {old!r} once, holds it {source.count(old)} times.")
        source = source.replace(old, new)
    copy = types.ModuleType(module.__name__)
    copy.__dict__.update(names)
    exec(compile(source, f"mutated {module.__name__}", "exec"), copy.__dict__)
    return copy


class Memory:
    """Lets a mutation use the value of a neighbouring time step."""

    def __init__(self):
        self.last, self.gates = None, []

    def stale(self, value):
        """The value of the call before, zeros at first."""
        last, self.last = self.last, value
        return tf.zeros_like(value) if last is None else last

    def remember(self, gate):
        """Keeps a gate of the forward pass."""
        self.gates.append(gate)
        return gate

    def before(self, gate):
        """The gate of the step before that of `gate`."""
        index = next(k for k, kept in enumerate(self.gates) if kept is gate)
        return self.gates[max(0, index - 1)]


def output_gate_swapped(d_gates, G):
    """The derivative by the previous gates, in which the output gate's third uses Rab where Rba belongs."""
    units = G.shape[0] // 3
    swapped = d_gates @ G[:, 2 * units :]
    return tf.concat([(d_gates @ tf.transpose(G))[:, : 2 * units], swapped], axis=1)


def failing(problem) -> set[str]:
    """The tensors over a limit, by complex step and by differences alike."""
    limits = LIMITS["float64"]
    rows = check([problem])
    over = {row.tensor for row in rows if not row.ok}
    assert over == {row.tensor for row in rows if row.errors.difference > limits.difference}
    return over
