"""Every setting of a training run, its default, and the presets. Imports no TensorFlow.

A preset is a `Config`; the command line starts from it and replaces single fields. A run folder keeps the whole
config, and a run can only be resumed with the same one.

Next: data/corpus.py
"""

import dataclasses
import json
from pathlib import Path
from typing import Literal, get_args, get_origin

from transformer_tutorial.runtime.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Config:
    """What is trained, on what, and how. The defaults are the tutorial's hyper-parameters."""

    data: str = "phrasebook"
    """Where sentence pairs come from: phrasebook (built in), ted (downloaded), or a folder or .tsv file of your own."""
    source_language: str = "pt"
    """Language to translate from; in a folder, the name of its files (pt.train)."""
    target_language: str = "en"
    """Language to translate into."""
    tokenizer: Literal["wordpiece", "sentencepiece"] = "wordpiece"
    """wordpiece is the tutorial's; sentencepiece keeps the text as it is."""
    vocab_size: int = 8000
    """Largest number of word pieces of each language."""
    joint_vocab: bool = False
    """One vocabulary for both languages, learnt from both (sentencepiece only). Sennrich et al. 2016, section 3.2."""
    sentencepiece_model: Literal["unigram", "bpe"] = "unigram"
    """How sentencepiece learns: unigram (Kudo 2018) or bpe (Sennrich et al. 2016)."""
    subword_sampling: float = 0.0
    """Sharpness of sampled segmentations in training, such as 0.5; 0 takes the best one always. New ones each epoch
    (sentencepiece's unigram only). Kudo 2018, section 3."""
    lower_case: bool = True
    """Fold case and strip accents (wordpiece only)."""
    max_tokens: int = 128
    """Longer sentences are cut to this many tokens, the end token included."""
    num_layers: int = 4
    """Encoder layers, and as many decoder layers."""
    num_decoder_layers: int | None = None
    """Decoder layers, if not as many: a deep encoder and a shallow decoder translate faster (Kasai et al. 2021)."""
    d_model: int = 128
    """Width of the model."""
    num_heads: int = 8
    """Attention heads of a layer."""
    head_dim: int | None = None
    """Width of a head; by default d_model / num_heads, as in the paper."""
    dff: int = 512
    """Width of the feed-forward networks' hidden layer."""
    norm: Literal["post", "pre"] = "post"
    """Layer norm behind each sub-layer, as in the paper, or before it (Xiong et al. 2020)."""
    tied_embeddings: Literal["none", "output", "all"] = "none"
    """output: the output projection is the target's embedding; all: the source's, too (Press & Wolf 2017)."""
    dropout_rate: float = 0.1
    """Share dropped in training, in [0, 1): embeddings and what feed-forward networks add."""
    attention_dropout: float | None = None
    """Share of attention weights dropped; by default dropout_rate."""
    residual_dropout: float = 0.0
    """Share dropped from what attention adds. Vaswani et al. 2017, section 5.4; the tutorial has none."""
    activation_dropout: float = 0.0
    """Share dropped from the feed-forward networks' hidden layer (Vaswani et al. 2018, as relu_dropout)."""
    label_smoothing: float = 0.0
    """Share of a label's probability that is spread over all tokens, in [0, 1) (Szegedy et al. 2016)."""
    epochs: int = 20
    """Passes over the training data."""
    storage: Literal["memory", "shards"] = "memory"
    """shards: a training text larger than memory is read as a stream, and its batches from files on disk."""
    batching: Literal["bucketed", "few_shapes", "one_shape", "plain"] = "bucketed"
    """bucketed: sentences of similar length together. few_shapes: likewise, for XLA, which compiles each shape.
    plain: as the tutorial does, batch_size random sentences. one_shape: likewise, all padded to max_tokens, without the
    remainder, as a TPU needs them."""
    tokens_per_batch: int = 1568
    """Target tokens in a bucketed batch, padding included."""
    batch_size: int = 64
    """Sentences in a plain batch, and in one of one_shape."""
    accumulate: int = 1
    """Batches whose gradients make one update, exactly as one large batch would."""
    schedule: Literal["tutorial", "inverse_sqrt", "linear", "cosine"] = "tutorial"
    """Learning rate after the warm-up: 1 / sqrt(step) (Vaswani et al. 2017), or linear or cosine (Loshchilov & Hutter
    2017), which reach 0 with the last epoch."""
    peak_rate: float = 1e-3
    """Highest learning rate; the tutorial's schedule has its own, (d_model * warmup_steps)^-0.5."""
    warmup_steps: int = 4000
    """Updates until the learning rate's peak."""
    beta_2: float = 0.98
    """Adam's decay of the squared gradients' mean."""
    weight_decay: float = 0.0
    """Share of a kernel taken away at each update, times the learning rate (Loshchilov & Hutter 2019)."""
    clip_norm: float | None = None
    """Largest global norm of the gradient; longer ones are scaled down (Pascanu et al. 2013)."""
    ema: float = 0.0
    """Decay of a moving average of the weights, such as 0.999, which is validated and stored; 0 has none
    (Polyak & Juditsky 1992)."""
    average_last: int = 1
    """The mean of the weights after the last so many epochs is validated and stored (Vaswani et al. 2017, sec. 6.1)."""
    select: Literal["last", "loss", "bleu"] = "last"
    """The epoch whose model is kept: the last, or the best by validation loss or BLEU."""
    patience: int = 0
    """Stop after so many epochs without a better one, by `select`; 0 never stops early."""
    bleu_sentences: int = 0
    """Validation sentences translated greedily after each epoch for BLEU, a fixed sample; 0 measures none."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Number format of activations; weights are float32 always."""
    jit_compile: bool = False
    """Compile the training step with XLA. It pays on a GPU or TPU, not on a CPU."""
    log_gradients: bool = False
    """Gradient norms of the whole model and of each layer, in metrics.jsonl and TensorBoard."""
    seed: int = 0
    """Seed of weights, dropout and the order of the batches."""

    def __post_init__(self):
        self._check_choices()
        self._check_ranges()
        self._check_combinations()
        if self.d_model % 2 or (self.head_dim is None and self.d_model % self.num_heads):
            raise UsageError(
                "d_model must be even and divisible by num_heads (or give head_dim), "
                f"got d_model={self.d_model}, num_heads={self.num_heads}."
            )
        if not 4 <= self.max_tokens <= 2048:
            raise UsageError(f"max_tokens must be between 4 and 2048, got {self.max_tokens}.")
        if self.tokens_per_batch < self.max_tokens:
            raise UsageError(
                "tokens_per_batch must be at least max_tokens, so that the longest sentence fits, "
                f"got {self.tokens_per_batch} and {self.max_tokens}."
            )
        if self.source_language == self.target_language:
            raise UsageError(f"source_language and target_language must differ, both are {self.source_language!r}.")

    def _check_ranges(self):
        ranges = {
            "at least 1": (lambda value: value >= 1, COUNTS),
            "in [0, 1)": (lambda value: 0 <= value < 1, SHARES),
            "0 or more": (lambda value: value >= 0, NOT_NEGATIVE),
            "above 0": (lambda value: value > 0, POSITIVE),
        }
        for meaning, (fits, names) in ranges.items():
            for name in names:
                value = getattr(self, name)
                if value is not None and not fits(value):
                    raise UsageError(f"{name} must be {meaning}, got {value}.")

    def _check_combinations(self):
        if self.tokenizer != "sentencepiece" and (self.joint_vocab or self.subword_sampling):
            raise UsageError("joint_vocab and subword_sampling need --tokenizer sentencepiece.")
        if self.subword_sampling and self.sentencepiece_model != "unigram":
            raise UsageError("subword_sampling needs --sentencepiece-model unigram.")
        if self.storage == "shards" and (self.subword_sampling or self.batching != "bucketed"):
            raise UsageError("storage shards has bucketed batches without subword_sampling: leave one of them out.")
        if self.tied_embeddings == "all" and not self.joint_vocab:
            raise UsageError("tied_embeddings all needs one vocabulary for both languages: add --joint-vocab.")
        if self.ema and self.average_last > 1:
            raise UsageError("ema and average_last are two ways to average weights: give one of them.")
        if self.select == "bleu" and not self.bleu_sentences:
            raise UsageError("select bleu needs sentences to measure it on, such as --bleu-sentences 300.")
        if self.patience and self.select == "last":
            raise UsageError("patience needs a measure: add --select loss or --select bleu.")

    def _check_choices(self):
        for field in dataclasses.fields(self):
            choices, value = get_args(field.type), getattr(self, field.name)
            if get_origin(field.type) is Literal and value not in choices:
                raise UsageError(f"{field.name} must be one of {', '.join(choices)}, got {value!r}.")

    def differences(self, other: "Config") -> list[str]:
        """One `name: here -> there` for each field that is not the same."""
        pairs = (
            (field.name, getattr(self, field.name), getattr(other, field.name)) for field in dataclasses.fields(self)
        )
        return [f"{name}: {here!r} -> {there!r}" for name, here, there in pairs if here != there]

    def to_json(self) -> str:
        """All fields as indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Config":
        """The inverse of `to_json`.

        Raises:
            UsageError: not a JSON object, a field that this version does not know, or a value out of range.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise UsageError(f"config.json is not a JSON object: {error}.") from error
        if not isinstance(values, dict):
            raise UsageError(f"config.json is not a JSON object, it holds a {type(values).__name__}.")
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise UsageError(f"config.json has fields that this version does not know: {', '.join(unknown)}.")
        try:
            return cls(**values)
        except TypeError as error:
            raise UsageError(f"config.json has a value of the wrong type: {error}.") from error


COUNTS = ("vocab_size", "num_layers", "num_decoder_layers", "d_model", "num_heads", "head_dim", "dff", "epochs")
COUNTS += ("warmup_steps", "batch_size", "accumulate", "average_last")
SHARES = ("dropout_rate", "attention_dropout", "residual_dropout", "activation_dropout", "label_smoothing")
SHARES += ("beta_2", "ema")
NOT_NEGATIVE = ("seed", "patience", "bleu_sentences", "weight_decay", "subword_sampling")
POSITIVE = ("peak_rate", "clip_norm")

PRESETS = {
    "demo": Config(
        tokenizer="sentencepiece",
        vocab_size=2000,
        lower_case=False,
        max_tokens=64,
        num_layers=2,
        epochs=2,
        tokens_per_batch=2048,
        warmup_steps=800,
    ),
    "small": Config(
        data="ted",
        tokenizer="sentencepiece",
        vocab_size=6000,
        joint_vocab=True,
        lower_case=False,
        d_model=256,
        num_heads=4,
        dff=1024,
        norm="pre",
        tied_embeddings="all",
        dropout_rate=0.2,
        attention_dropout=0.1,
        residual_dropout=0.2,
        label_smoothing=0.1,
        epochs=16,
        tokens_per_batch=2048,
        schedule="linear",
        peak_rate=1.5e-3,
        warmup_steps=1000,
        clip_norm=1.0,
        precision="mixed_bfloat16",
    ),
    "base": Config(
        data="ted",
        tokenizer="sentencepiece",
        vocab_size=8000,
        joint_vocab=True,
        lower_case=False,
        num_layers=6,
        d_model=512,
        num_heads=8,
        dff=1024,
        norm="pre",
        tied_embeddings="all",
        dropout_rate=0.3,
        attention_dropout=0.1,
        residual_dropout=0.3,
        activation_dropout=0.1,
        label_smoothing=0.1,
        epochs=60,
        tokens_per_batch=4096,
        accumulate=2,
        schedule="inverse_sqrt",
        peak_rate=1e-3,
        warmup_steps=2000,
        clip_norm=1.0,
        average_last=5,
        select="bleu",
        bleu_sentences=400,
        precision="mixed_bfloat16",
    ),
    "tutorial": Config(data="ted"),
    "tutorial_wide_heads": Config(data="ted", head_dim=128),
}


def read_config(run_dir: Path) -> Config:
    """The config of a run folder.

    Raises:
        UsageError: the folder is not a run folder.
    """
    file = run_dir / "config.json"
    if not file.is_file():
        free = "runs/demo" if run_dir.exists() else run_dir
        raise UsageError(
            f"{run_dir} is not a run folder: config.json is missing. Train one first: "
            f"python -m transformer_tutorial train --preset demo --run-dir {free}"
        )
    return Config.from_json(file.read_text())
