"""The list of sentence patterns, and what patterns share.

A frame draws its fillers and returns one sentence; its docstring is an example. `stated_or_asked` makes a statement,
a negation or a question out of one clause.
"""

from collections.abc import Callable
from typing import NamedTuple

from transformer_tutorial.data.phrasebook.draw import Draw
from transformer_tutorial.data.phrasebook.phrase import Phrase, sentence


class Frame(NamedTuple):
    """A sentence pattern and its share of the corpus, in sentences asked for (a small frame may hold fewer)."""

    name: str
    write: Callable[[Draw], Phrase]
    quota: int


FRAMES: list[Frame] = []


def frame(quota: int) -> Callable:
    """Enters the decorated function into FRAMES."""

    def enter(write: Callable[[Draw], Phrase]) -> Callable[[Draw], Phrase]:
        FRAMES.append(Frame(write.__name__, write, quota))
        return write

    return enter


def stated_or_asked(
    draw: Draw, write: Callable[..., Phrase], *, asked: float = 0.25, negated: float = 0.25, folk: bool = True
) -> Phrase:
    """Draws a subject and makes a sentence about it.

    Args:
        draw: the source of chance.
        write: gives the clause from the subject and `question=True` or `negative=...`, to be handed on to `clause`.
        asked: share of questions.
        negated: share of negations among the statements.
        folk: False keeps "the girl", "the tourists" from being the subject.
    """
    if draw.chance(asked):
        return sentence(write(draw.asked(folk), question=True), end="?")
    return sentence(write(draw.anyone(folk=folk), negative=draw.chance(negated)))
