"""Everything of a Keras model that training changes, as named arrays, and back.

Weights, random states, metric sums, and the optimizer's variables: with them and the same data a training goes on as if
it had never stopped.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from transformer_tutorial.runtime.errors import Failure

GROUPS = WEIGHTS, METRICS, OPTIMIZER = "weights", "metrics", "optimizer"


def all_arrays(model: keras.Model) -> dict[str, np.ndarray]:
    """Every variable that training changes, by a name such as `00003|weights|dense/kernel`.

    Args:
        model: compiled; it and its optimizer are built. Other optimizers than `model.optimizer` are not seen.
    """
    return {
        f"{number:05d}|{group}|{variable.path}": np.asarray(variable)
        for number, (group, variable) in enumerate(_variables(model))
    }


def restore_arrays(
    model: keras.Model, arrays: Mapping[str, np.ndarray], where: Path, groups: Collection[str] = GROUPS
) -> None:
    """The inverse of `all_arrays`.

    Args:
        model: built, and its optimizer, too.
        arrays: as `all_arrays` gave them.
        where: they come from, for the message.
        groups: which to restore. The metrics' sums are there after the first step only.

    Raises:
        Failure: they are not this model's. Nothing is changed then.
    """
    variables = [(group, variable) for group, variable in _variables(model) if group in groups]
    stored = [(*_parts(name), array) for name, array in arrays.items() if _parts(name)[0] in groups]
    have = [(group, _kind(variable.path), tuple(variable.shape)) for group, variable in variables]
    if [(group, _kind(path), tuple(array.shape)) for group, path, array in stored] != have:
        raise Failure(
            f"{where} belongs to another model, or to another version of this package: its arrays have "
            "other names or shapes. Train in another folder."
        )
    for (_, variable), (_, _, array) in zip(variables, stored, strict=True):
        variable.assign(array)


def name_of_infinite(arrays: Mapping[str, np.ndarray]) -> str | None:
    """Path of the first variable with a value that is not finite; None if all are."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            return _parts(name)[1]
    return None


def _variables(model: keras.Model) -> Sequence[tuple[str, keras.Variable]]:
    optimizer = model.optimizer.variables if model.optimizer is not None else []
    groups = {WEIGHTS: model.variables, METRICS: model.metrics_variables, OPTIMIZER: optimizer}
    return [(group, variable) for group, variables in groups.items() for variable in variables]


def _parts(name: str) -> tuple[str, str]:
    """Group and path."""
    group, _, path = name.partition("|")[2].partition("|")
    return group, path


def _kind(path: str) -> str:
    """A variable's path without numbers: Keras counts the models of a process in them."""
    return re.sub(r"_?\d+", "", path)
