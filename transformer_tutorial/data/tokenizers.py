"""Text <-> ids, inside the TensorFlow graph.

Two kinds, one interface:

* `WordPieceTokenizer`, the tutorial's: BERT's word pieces. What it loses (case and accents, if `lower_case`; the exact
  blanks) does not come back. `detokenize` re-joins what the splitting at punctuation tore apart.
* `SentencePieceTokenizer`: keeps the text; `detokenize(tokenize(text))` is `text`, except for a literal "▁" (U+2581).

Ids: 0 [PAD], 1 [UNK], 2 [START], 3 [END]. Every tokenised sentence starts with 2 and ends with 3.

Source: the tutorial's subword guide; Kudo & Richardson 2018 (SentencePiece).
Next: prepared.py
"""

import hashlib
import importlib
import io
import platform
from collections.abc import Iterable, Sequence

import tensorflow as tf

from transformer_tutorial.runtime.errors import Failure, UsageError
from transformer_tutorial.runtime.quiet import native_messages_hidden
from transformer_tutorial.token_ids import END_ID, PADDING_ID, RESERVED_TOKENS, START_ID, UNKNOWN_ID

# Undone by `detokenize` in this order: PTB clitics and quotes, then hyphens inside words.
_REJOIN = (
    (r"\bn ' t\b", "n't"),
    (r" ' (s|re|m|ll|ve|d)\b", r" '\1"),
    (r"` `", "``"),
    (r"' '", "''"),
    (r"([\pL\pN]) - ([\pL\pN])", r"\1-\2"),
    (r"([\pL\pN]) - ([\pL\pN])", r"\1-\2"),  # again: matches do not overlap, so "a - b - c" needs two passes
)


def tensorflow_text():
    """The module tensorflow_text, whose kernels the tokenizers use.

    Raises:
        Failure: it is not installed; there are no wheels for Windows and for Macs with Intel processors.
    """
    try:
        return importlib.import_module("tensorflow_text")
    except ImportError as error:
        raise Failure(
            f"Text needs tensorflow-text, which fails on {platform.system()} {platform.machine()}: {error}. "
            "There are wheels for Linux and for macOS on arm64; install the one of TensorFlow's minor version. "
            "The model and its training work on ids without it."
        ) from error


class WordPieceTokenizer(tf.Module):
    """The tutorial's tokenizer.

    Args:
        vocabulary: the word pieces, `RESERVED_TOKENS` first; continuations start with "##".
        lower_case: fold case and strip accents, as the tutorial does.

    Raises:
        UsageError: the vocabulary does not start with the reserved tokens or repeats a piece.
    """

    kind = "wordpiece"
    file_ending = "vocab.txt"

    def __init__(self, vocabulary: Sequence[str], lower_case: bool = True):
        super().__init__()
        self.vocabulary, self.lower_case = list(vocabulary), lower_case
        if tuple(self.vocabulary[:4]) != RESERVED_TOKENS or len(set(self.vocabulary)) != len(self.vocabulary):
            raise UsageError(
                f"A vocabulary must start with {' '.join(RESERVED_TOKENS)} and hold each piece once, "
                f"got {len(self.vocabulary)} pieces starting with {self.vocabulary[:4]}."
            )
        ids = tf.range(len(self.vocabulary), dtype=tf.int64)
        initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(self.vocabulary), ids)
        self._table = tf.lookup.StaticVocabularyTable(initializer, num_oov_buckets=1)
        self._pieces = tf.constant(self.vocabulary)
        self._tokenizer = tensorflow_text().BertTokenizer(
            self._table, lower_case=lower_case, unknown_token=RESERVED_TOKENS[UNKNOWN_ID]
        )

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int, lower_case: bool = True) -> "WordPieceTokenizer":
        """Learns at most about `vocab_size` pieces from `texts`, as the tutorial's subword guide does."""
        tensorflow_text()
        from tensorflow_text.tools.wordpiece_vocab import bert_vocab_from_dataset

        vocabulary = bert_vocab_from_dataset.bert_vocab_from_dataset(
            tf.data.Dataset.from_tensor_slices(list(texts)).batch(1000).prefetch(2),
            vocab_size=vocab_size,
            reserved_tokens=list(RESERVED_TOKENS),
            bert_tokenizer_params={"lower_case": lower_case},
            learn_params={},
        )
        return cls(vocabulary, lower_case)

    def tokenize(self, strings) -> tf.RaggedTensor:
        """Strings (B,) -> ids, int64, ragged (B, length), with [START] and [END]."""
        ids = self._tokenizer.tokenize(strings).merge_dims(-2, -1)
        return _with_start_and_end(ids)

    def detokenize(self, ids) -> tf.Tensor:
        """Ids (B, length), dense or ragged, padded or not -> strings (B,): words joined by blanks, then re-joined."""
        words = self._tokenizer.detokenize(_without_control(ids))
        text = tf.strings.reduce_join(words, separator=" ", axis=-1)
        for torn, joined in _REJOIN:
            text = tf.strings.regex_replace(text, torn, joined)
        return text

    def lookup(self, ids) -> tf.RaggedTensor:
        """Ids -> pieces, strings of the same shape."""
        return _map_flat(lambda flat: tf.gather(self._pieces, flat), ids)

    def get_vocab_size(self) -> int:
        """Number of pieces, the reserved ones included."""
        return len(self.vocabulary)

    def get_reserved_tokens(self) -> tuple[str, ...]:
        """The control tokens, by id."""
        return RESERVED_TOKENS

    def to_bytes(self) -> bytes:
        """The vocabulary file: one piece a line."""
        return "".join(f"{piece}\n" for piece in self.vocabulary).encode()

    @classmethod
    def from_bytes(cls, data: bytes, lower_case: bool = True) -> "WordPieceTokenizer":
        """The inverse of `to_bytes`."""
        try:
            return cls(data.decode().split("\n")[:-1], lower_case)
        except UnicodeDecodeError as error:
            raise UsageError(f"A vocabulary file must be UTF-8: {error}.") from error


class SentencePieceTokenizer(tf.Module):
    """A tokenizer that keeps the text: case, accents and blanks come back.

    Characters that training did not see are spelt in bytes, so no text is unknown.

    Args:
        model: the bytes of a SentencePiece model whose ids 0 to 3 are `RESERVED_TOKENS`.

    Raises:
        UsageError: `model` is damaged, or has other pieces there.

    Source: Kudo & Richardson 2018.
    """

    kind = "sentencepiece"
    file_ending = "model"

    def __init__(self, model: bytes):
        super().__init__()
        self._model = model
        try:
            self._build()
            first = tuple(piece.decode() for piece in self._kernels.id_to_string(tf.range(4)).numpy())
        except tf.errors.OpError as error:
            raise UsageError(f"Not a SentencePiece model, or a damaged one, of {len(model)} bytes: {error}.") from error
        if first != RESERVED_TOKENS:
            raise UsageError(
                f"A SentencePiece model must start with {' '.join(RESERVED_TOKENS)}, this one with {' '.join(first)}."
            )
        self._vocab_size = int(self._kernels.vocab_size())

    def _build(self) -> None:
        # By this name a loaded SavedModel finds the model: tokenizers of one name would all get the same one.
        name = f"sentencepiece_{hashlib.sha256(self._model).hexdigest()}"
        with native_messages_hidden():
            self._kernels = tensorflow_text().SentencepieceTokenizer(
                model=self._model, add_bos=True, add_eos=True, name=name
            )

    @property
    def _tokenizer(self):
        """tensorflow-text's tokenizer, built anew when TensorFlow has dropped its model.

        The model belongs to a cache of eager kernels, which `tf.random.set_seed` and `keras.utils.set_random_seed`
        empty.
        """
        if tf.executing_eagerly():
            try:
                self._kernels.vocab_size()
            except tf.errors.NotFoundError:
                self._build()
        return self._kernels

    @classmethod
    def train(
        cls, texts: Iterable[str], vocab_size: int, lower_case: bool = False, model_type: str = "unigram"
    ) -> "SentencePieceTokenizer":
        """Learns a model ("unigram" or "bpe") of at most `vocab_size` pieces from `texts`.

        Raises:
            UsageError: `lower_case` is set, which would lose text that this tokenizer promises to keep, or
                `vocab_size` is too small: 256 bytes, the control tokens and each character are pieces already.
        """
        if lower_case:
            raise UsageError("SentencePiece keeps case and accents: use --no-lower-case, or --tokenizer wordpiece.")
        import sentencepiece

        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=(f" {text}" for text in texts),
                model_writer=model,
                model_type=model_type,
                vocab_size=vocab_size,
                hard_vocab_limit=False,
                pad_id=PADDING_ID,
                unk_id=UNKNOWN_ID,
                bos_id=START_ID,
                eos_id=END_ID,
                pad_piece=RESERVED_TOKENS[PADDING_ID],
                unk_piece=RESERVED_TOKENS[UNKNOWN_ID],
                bos_piece=RESERVED_TOKENS[START_ID],
                eos_piece=RESERVED_TOKENS[END_ID],
                normalization_rule_name="identity",
                add_dummy_prefix=False,
                remove_extra_whitespaces=False,
                byte_fallback=True,
                character_coverage=1.0,
                minloglevel=2,
            )
        except RuntimeError as error:
            raise UsageError(f"SentencePiece cannot learn {vocab_size} pieces: {error}") from error
        return cls(model.getvalue())

    def tokenize(self, strings) -> tf.RaggedTensor:
        """Strings (B,) -> ids, int64, ragged (B, length), with [START] and [END]."""
        # The first word's blank is ours: SentencePiece's own "dummy prefix" loses leading blanks in detokenize.
        return tf.cast(self._tokenizer.tokenize(tf.strings.join([" ", strings])), tf.int64)

    def detokenize(self, ids) -> tf.Tensor:
        """Ids (B, length), dense or ragged, padded or not -> strings (B,)."""
        text = self._tokenizer.detokenize(tf.cast(_without_control(ids), tf.int32))
        return tf.strings.regex_replace(text, "^ ", "", replace_global=False)

    def lookup(self, ids) -> tf.RaggedTensor:
        """Ids -> pieces, strings of the same shape; "▁" stands for a blank."""
        return _map_flat(lambda flat: self._tokenizer.id_to_string(tf.cast(flat, tf.int32)), ids)

    def get_vocab_size(self) -> int:
        """Number of pieces, the reserved ones included."""
        return self._vocab_size

    def get_reserved_tokens(self) -> tuple[str, ...]:
        """The control tokens, by id."""
        return RESERVED_TOKENS

    def to_bytes(self) -> bytes:
        """The model file."""
        return self._model

    @classmethod
    def from_bytes(cls, data: bytes, lower_case: bool = False) -> "SentencePieceTokenizer":
        """The inverse of `to_bytes`."""
        return cls(data)


Tokenizer = WordPieceTokenizer | SentencePieceTokenizer
KINDS = {tokenizer.kind: tokenizer for tokenizer in (WordPieceTokenizer, SentencePieceTokenizer)}


def _with_start_and_end(ids: tf.RaggedTensor) -> tf.RaggedTensor:
    rows = ids.nrows()
    return tf.concat([tf.fill([rows, 1], _int64(START_ID)), ids, tf.fill([rows, 1], _int64(END_ID))], axis=1)


def _without_control(ids) -> tf.RaggedTensor:
    """Ragged ids without [PAD], [START], [END]; [UNK] stays, it stands for something."""
    if not isinstance(ids, tf.RaggedTensor):
        ids = tf.RaggedTensor.from_tensor(tf.convert_to_tensor(ids))
    ids = tf.cast(ids, tf.int64)
    return tf.ragged.boolean_mask(ids, (ids == UNKNOWN_ID) | (ids > END_ID))


def _map_flat(function, ids):
    if isinstance(ids, tf.RaggedTensor):
        return ids.with_flat_values(function(ids.flat_values))
    return function(tf.convert_to_tensor(ids))


def _int64(number: int) -> tf.Tensor:
    return tf.constant(number, tf.int64)
