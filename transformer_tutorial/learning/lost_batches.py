"""When the loss is not finite: which input lines were in the batches that can be to blame.

Next: callbacks.py
"""

from collections.abc import Sequence

from transformer_tutorial.data.corpus import Corpus
from transformer_tutorial.data.line_numbers import training_lines
from transformer_tutorial.learning.feed import Feed
from transformer_tutorial.learning.run_folder import RunFolder

FILE = "lost-batches.json"
SHOWN = 8  # line numbers in the message


def describe_lost_batches(run: RunFolder, corpus: Corpus, feed: Feed, epoch: int, batch: int) -> str:
    """One sentence for the error message; all line numbers go to lost-batches.json in the run folder.

    A gradient that is not finite shows in the loss of the next batch, so the batches of this update and of the one
    before are named.

    Args:
        run: where to write.
        corpus: the one that was prepared.
        feed: tells which pairs a batch has.
        epoch: from 0.
        batch: the one whose loss is not finite, from 0.
    """
    first = max(0, batch - feed.config.accumulate)
    found = {number + 1: training_lines(corpus, feed.pairs(epoch, number)) for number in range(first, batch + 1)}
    origin = next(iter(found.values())).origin
    lines = {str(number): lines.numbers for number, lines in found.items()}
    run.write_json(FILE, {"origin": origin, "epoch": epoch + 1, "lines_of_batch": lines})
    parts = [f"batch {number}: lines {shortened(numbers)}" for number, numbers in lines.items()]
    return f"It comes from {origin}, {'; '.join(parts)} (all in {run.path / FILE})."


def shortened(numbers: Sequence[int]) -> str:
    """The first few numbers, and how many follow."""
    text = ", ".join(map(str, numbers[:SHOWN]))
    return text if len(numbers) <= SHOWN else f"{text} and {len(numbers) - SHOWN} more"
