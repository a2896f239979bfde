import dataclasses
import json

import pytest

from transformer_tutorial.config import PRESETS, Config, read_config
from transformer_tutorial.runtime.errors import UsageError


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_valid_config(name):
    assert dataclasses.replace(PRESETS[name]) == PRESETS[name]


def test_the_tutorial_preset_has_the_tutorials_settings():
    config = PRESETS["tutorial"]
    assert (config.num_layers, config.d_model, config.num_heads, config.dff) == (4, 128, 8, 512)
    assert (config.dropout_rate, config.epochs, config.warmup_steps, config.beta_2) == (0.1, 20, 4000, 0.98)
    assert (config.tokenizer, config.lower_case, config.max_tokens) == ("wordpiece", True, 128)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vocab_size": 0}, "vocab_size must be at least 1, got 0."),
        ({"num_layers": 0}, "num_layers must be at least 1, got 0."),
        ({"d_model": -2}, "d_model must be at least 1, got -2."),
        ({"num_heads": 0}, "num_heads must be at least 1, got 0."),
        ({"dff": 0}, "dff must be at least 1, got 0."),
        ({"epochs": 0}, "epochs must be at least 1, got 0."),
        ({"warmup_steps": 0}, "warmup_steps must be at least 1, got 0."),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0."),
        ({"head_dim": 0}, "head_dim must be at least 1, got 0."),
        ({"seed": -1}, "seed must be 0 or more, got -1."),
        ({"dropout_rate": 1.0}, "dropout_rate must be in [0, 1), got 1.0."),
        ({"dropout_rate": float("nan")}, "dropout_rate must be in [0, 1), got nan."),
        ({"beta_2": 1.0}, "beta_2 must be in [0, 1), got 1.0."),
        (
            {"d_model": 100},
            "d_model must be even and divisible by num_heads (or give head_dim), got d_model=100, num_heads=8.",
        ),
        (
            {"d_model": 9, "head_dim": 4},
            "d_model must be even and divisible by num_heads (or give head_dim), got d_model=9, num_heads=8.",
        ),
        ({"max_tokens": 3}, "max_tokens must be between 4 and 2048, got 3."),
        ({"max_tokens": 2049, "tokens_per_batch": 4096}, "max_tokens must be between 4 and 2048, got 2049."),
        (
            {"tokens_per_batch": 127},
            "tokens_per_batch must be at least max_tokens, so that the longest sentence fits, got 127 and 128.",
        ),
        ({"target_language": "pt"}, "source_language and target_language must differ, both are 'pt'."),
        ({"tokenizer": "bpe"}, "tokenizer must be one of wordpiece, sentencepiece, got 'bpe'."),
        ({"batching": "none"}, "batching must be one of bucketed, few_shapes, one_shape, plain, got 'none'."),
        ({"attention_dropout": 1.5}, "attention_dropout must be in [0, 1), got 1.5."),
        ({"label_smoothing": -0.1}, "label_smoothing must be in [0, 1), got -0.1."),
        ({"weight_decay": -1.0}, "weight_decay must be 0 or more, got -1.0."),
        ({"clip_norm": 0.0}, "clip_norm must be above 0, got 0.0."),
        ({"joint_vocab": True}, "joint_vocab and subword_sampling need --tokenizer sentencepiece."),
        (
            {"storage": "shards", "batching": "plain"},
            "storage shards has bucketed batches without subword_sampling: leave one of them out.",
        ),
        (
            {"tokenizer": "sentencepiece", "sentencepiece_model": "bpe", "subword_sampling": 0.1},
            "subword_sampling needs --sentencepiece-model unigram.",
        ),
        (
            {"tied_embeddings": "all"},
            "tied_embeddings all needs one vocabulary for both languages: add --joint-vocab.",
        ),
        ({"ema": 0.9, "average_last": 2}, "ema and average_last are two ways to average weights: give one of them."),
        ({"select": "bleu"}, "select bleu needs sentences to measure it on, such as --bleu-sentences 300."),
        ({"patience": 2}, "patience needs a measure: add --select loss or --select bleu."),
        (
            {"precision": "float8"},
            "precision must be one of float32, mixed_bfloat16, mixed_float16, got 'float8'.",
        ),
    ],
)
def test_a_value_out_of_range_is_refused(values, message):
    with pytest.raises(UsageError) as refused:
        Config(**values)
    assert str(refused.value) == message


def test_the_bounds_themselves_are_allowed():
    assert Config(dropout_rate=0.0, max_tokens=4, tokens_per_batch=4).max_tokens == 4
    assert Config(max_tokens=2048, tokens_per_batch=2048, d_model=100, head_dim=1).head_dim == 1


def test_differences_name_each_field_with_both_values():
    there = Config(epochs=3, head_dim=16)
    assert Config().differences(there) == ["head_dim: None -> 16", "epochs: 20 -> 3"]
    assert there.differences(there) == []


@pytest.mark.parametrize("name", PRESETS)
def test_json_keeps_the_whole_config(name):
    assert Config.from_json(PRESETS[name].to_json()) == PRESETS[name]
    assert set(json.loads(PRESETS[name].to_json())) == {field.name for field in dataclasses.fields(Config)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"epochs": 3, "wdith": 4, "a": 1}', "config.json has fields that this version does not know: a, wdith."),
        ("{", "config.json is not a JSON object: Expecting"),
        ("[]", "config.json is not a JSON object, it holds a list."),
        ("null", "config.json is not a JSON object, it holds a NoneType."),
        ('{"epochs": "3"}', "config.json has a value of the wrong type: "),
        ('{"epochs": 0}', "epochs must be at least 1, got 0."),
    ],
)
def test_a_foreign_json_file_is_refused(text, message):
    with pytest.raises(UsageError) as refused:
        Config.from_json(text)
    assert str(refused.value).startswith(message)


def test_the_config_of_a_run_folder_is_read(tmp_path):
    (tmp_path / "config.json").write_text(Config(epochs=7).to_json())
    assert read_config(tmp_path) == Config(epochs=7)


def test_a_folder_without_config_is_no_run_folder(tmp_path):
    message = r"is not a run folder: config\.json is missing\. Train one first: python -m transformer_tutorial train"
    with pytest.raises(UsageError, match=message):
        read_config(tmp_path)
