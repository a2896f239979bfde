"""How much an exported model takes in at once, and how much it gives back.

Next: graph_search.py
"""

import dataclasses

from transformer_tutorial.runtime.errors import UsageError

MOST_TOKENS = 2048  # positions that the model knows
BYTES_PER_TOKEN = 256  # far more than a token of any vocabulary has, so that the tokens are cut and not the bytes


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds inside the exported graph. Text that is longer is cut; more sentences are taken one batch after another.

    Args:
        max_tokens: of a source, [START] and [END] included, 4 to 2,048.
        max_length: of a translation, [START] and [END] included, 2 to 2,049; None is one more than `max_tokens`.
        max_bytes: of a string, at least 16; None is 256 for each of the `max_tokens`.
        batch_size: sentences that are translated together, at least 1.

    Raises:
        UsageError: a value out of its range.
    """

    max_tokens: int = 128
    max_length: int | None = None
    max_bytes: int | None = None
    batch_size: int = 64

    def __post_init__(self):
        if self.max_length is None:
            object.__setattr__(self, "max_length", self.max_tokens + 1)
        if self.max_bytes is None:
            object.__setattr__(self, "max_bytes", BYTES_PER_TOKEN * self.max_tokens)
        ranges = {
            "max_tokens": (4, MOST_TOKENS),
            "max_length": (2, MOST_TOKENS + 1),
            "max_bytes": (16, 2**31 - 1),
            "batch_size": (1, 2**31 - 1),
        }
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise UsageError(f"{name} must be between {least} and {most}, got {value}.")
