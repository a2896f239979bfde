"""How much of a split the model has seen: sentences of the split that stand in the training text word for word.

They are counted and never removed: whoever drops them measures on another set than everybody else.
"""

from typing import NamedTuple

from transformer_tutorial.data.corpus import Split


class Overlap(NamedTuple):
    """Counts over the lines of a split; a line that stands there twice counts twice.

    Attributes:
        pairs: both sides stand in train, as the same pair.
        sources: the source stands in train.
        targets: the target stands in train.
    """

    pairs: int
    sources: int
    targets: int


def overlap(split: Split, train: Split) -> Overlap:
    """Counts the pairs, sources and targets of `split` that are in `train` too."""
    pairs, sources, targets = set(zip(train.source, train.target, strict=True)), set(train.source), set(train.target)
    return Overlap(
        sum(pair in pairs for pair in zip(split.source, split.target, strict=True)),
        sum(line in sources for line in split.source),
        sum(line in targets for line in split.target),
    )


def describe_overlap(name: str, found: Overlap) -> str:
    """One line: how much of the split `name` stands in train."""
    return (
        f"{name} lines that also stand in train: {found.pairs:,} pairs, {found.sources:,} sources, "
        f"{found.targets:,} targets"
    )
