"""The Transformer's layers, one concept a file. Read: positions, masks, attention, feed_forward, encoder, decoder."""

from transformer_tutorial.layers import attention, decoder, encoder, feed_forward, masks, positions

__all__ = ["attention", "decoder", "encoder", "feed_forward", "masks", "positions"]
