"""Who may see whom.

Here a mask is called `allowed`: boolean, True where a query may see a key, broadcastable to (B, H, T, S). It is
computed from the token ids and handed down as an ordinary argument, because Keras 3 drops the masks it attaches to
tensors at the first custom layer, without an error. The name avoids `mask` and `*_mask`: Keras fills those by itself.

The 2019 to 2022 notebooks use the opposite convention, 1.0 = hidden. Their three functions are at the end, for people
who follow them; `scaled_dot_product_attention` takes their masks.

Source: Vaswani et al. 2017, section 3.2.3.
Next: attention.py
"""

from keras import ops

from transformer_tutorial.token_ids import PADDING_ID


def padding_allowed(ids):
    """Every token but padding may be seen: int (B, S) -> bool (B, 1, 1, S)."""
    return ops.not_equal(ids, PADDING_ID)[:, None, None, :]


def causal_allowed(length):
    """A position may see itself and what stands before it: bool (1, 1, length, length)."""
    positions = ops.arange(length)
    return (positions[:, None] >= positions[None, :])[None, None]


def create_padding_mask(seq):
    """The earlier notebook's: int (B, S) -> float32 (B, 1, 1, S), 1.0 where there is padding."""
    return ops.cast(ops.equal(seq, PADDING_ID), "float32")[:, None, None, :]


def create_look_ahead_mask(size: int):
    """The earlier notebook's: float32 (size, size), 1.0 above the diagonal, where the future is hidden."""
    return 1.0 - ops.cast(causal_allowed(size)[0, 0], "float32")


def create_masks(inp, tar):
    """The earlier notebook's three masks, 1.0 = hidden.

    Args:
        inp: source ids, int, (B, S).
        tar: target ids, int, (B, T).

    Returns:
        Three float32 masks: encoder padding (B, 1, 1, S), look-ahead with target padding (B, 1, T, T), and the
        decoder's view of the source (B, 1, 1, S).
    """
    look_ahead = ops.maximum(create_look_ahead_mask(ops.shape(tar)[1]), create_padding_mask(tar))
    return create_padding_mask(inp), look_ahead, create_padding_mask(inp)
