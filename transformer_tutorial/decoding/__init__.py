"""From logits to sentences. Read: plain_step, greedy, beam, translator."""
