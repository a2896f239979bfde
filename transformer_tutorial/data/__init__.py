"""From sentence pairs to padded batches of ids. Read: corpus, phrasebook, ted, tokenizers, prepared, batches."""
