import numpy as np

from tiny_transformer import tiny_transformer
from transformer_tutorial.model import in_precision

IDS = np.array([[2, 5, 6, 3]]), np.array([[2, 7, 8]])


def test_a_copy_in_another_precision_has_the_same_weights():
    model = tiny_transformer(dtype="mixed_bfloat16", norm="pre", tied_embeddings="output")
    copy = in_precision(model, "float32")
    assert {layer.compute_dtype for layer in copy._flatten_layers()} == {"float32"}
    for ours, theirs in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    difference = np.abs(copy(IDS) - model(IDS)).max()
    assert 0 < difference < 0.05
    np.testing.assert_array_equal(tiny_transformer(norm="pre", tied_embeddings="output")(IDS), copy(IDS))


def test_a_model_that_has_the_precision_is_taken_as_it_is():
    model = tiny_transformer()
    assert in_precision(model, "float32") is model
