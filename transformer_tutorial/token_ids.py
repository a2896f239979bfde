"""The ids with a meaning of their own, the same in every vocabulary. Imports nothing."""

RESERVED_TOKENS = ("[PAD]", "[UNK]", "[START]", "[END]")
PADDING_ID, UNKNOWN_ID, START_ID, END_ID = range(4)
