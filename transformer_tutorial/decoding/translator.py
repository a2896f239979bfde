"""Text in, text and attention out.

`Translator` is the notebook's class: called with one sentence it returns text, tokens and attention weights, also
inside a graph. `translate`, `translations` and `stream` are for many sentences; the command line uses the same.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from transformer_tutorial.data.tokenizer_pair import encode
from transformer_tutorial.decoding.beam import BeamSearch
from transformer_tutorial.decoding.greedy import GreedySearch, greedy_search
from transformer_tutorial.decoding.loop import Search
from transformer_tutorial.decoding.search import BatchSearch, Translation, search_all
from transformer_tutorial.fast.cached_step import CachedStep
from transformer_tutorial.model import AttentionMaps
from transformer_tutorial.token_ids import PADDING_ID

MAX_TOKENS = 128


class Alignment(NamedTuple):
    """One translation, token by token.

    Attributes:
        text: the translation.
        source_tokens: S pieces of the source, from [START] to [END].
        target_tokens: T pieces of the translation, those that were predicted: without [START], with [END].
        maps: the attention weights while each of them was predicted; B is 1.
    """

    text: str
    source_tokens: list[str]
    target_tokens: list[str]
    maps: AttentionMaps


class TranslatedText(NamedTuple):
    """One translation of one sentence.

    Attributes:
        text: the translation, on one line.
        score: of the search that found it.
        cut: whether the length limit came before the end.
    """

    text: str
    score: float
    cut: bool


class Translator(tf.Module):
    """Translates text with a trained model.

    Args:
        tokenizers: a `TokenizerPair`, or the tutorial's converter: anything with a tokenizer for each language, as
            `source` and `target` or as `pt` and `en`.
        transformer: the model.
        max_tokens: longer sources are cut to so many tokens, the end token included; translations have at most one
            more, the start token.
        make_step, jit_compile: as in `BatchSearch`.

    Attributes:
        truncated: how many sources were longer than `max_tokens` so far.
    """

    def __init__(
        self,
        tokenizers,
        transformer,
        max_tokens: int = MAX_TOKENS,
        make_step: Callable = CachedStep,
        jit_compile: bool = False,
    ):
        super().__init__()
        self.tokenizers, self.transformer, self.max_tokens = tokenizers, transformer, max_tokens
        self.make_step, self.jit_compile = make_step, jit_compile
        self.source = getattr(tokenizers, "source", None) or tokenizers.pt
        self.target = getattr(tokenizers, "target", None) or tokenizers.en
        self.truncated = 0
        self._searches: dict[Search, BatchSearch] = {}

    def __call__(self, sentence, max_length: int = MAX_TOKENS):
        """The notebook's call: one sentence, greedy search.

        Args:
            sentence: string scalar.
            max_length: most tokens of the translation, [START] and [END] included.

        Returns:
            The text, a string scalar; its tokens from [START] on, strings (T,); and the last decoder layer's
            cross-attention weights, float32, (1, H, T - 1, S).
        """
        source_ids = tf.cast(self.source.tokenize(tf.reshape(sentence, [1])).to_tensor(), tf.int32)
        step = self.make_step(self.transformer, max_length)
        ids = greedy_search(step, step.start(source_ids), tf.shape(source_ids)[0], max_length).ids
        ids = ids[:, : tf.reduce_max(tf.where(ids[0] != PADDING_ID)) + 1]
        maps = self.transformer.attention_maps((source_ids, ids[:, :-1]))
        text = self.target.detokenize(tf.cast(ids, tf.int64))[0]
        return text, self.target.lookup(tf.cast(ids, tf.int64))[0], maps.cross[-1]

    def translate(self, texts: Sequence[str], beam_size: int = 1, length_penalty: float = 1.0) -> list[str]:
        """Translates many sentences; a blank one gives an empty translation."""
        found = self.translations(texts, beam_search_or_greedy(beam_size, length_penalty))
        return [best.text for best, *_ in found]

    def translations(
        self, texts: Sequence[str], search: Search | None = None, batch_size: int = 64
    ) -> list[list[TranslatedText]]:
        """All that a search finds for each sentence, best first.

        Args:
            texts: sentences. A blank one has empty translations.
            search: a `BeamSearch` or a `SamplingSearch`; None is greedy search.
            batch_size: sentences searched together, at least 1.
        """
        return list(itertools.chain.from_iterable(self._as_finished(texts, search, batch_size)))

    def stream(
        self,
        texts: Iterable[str],
        search: Search | None = None,
        batch_size: int = 64,
        ahead: int = 16,
        paused: Callable[[], bool] = lambda: False,
    ) -> Iterator[list[list[TranslatedText]]]:
        """Translates a stream of sentences in order and in bounded memory.

        Reads `ahead` batches at a time, so that sentences of similar length can share one. Yields translations, each
        as `translations` does, as soon as all sentences before them are translated, too.

        Args:
            texts: the sentences.
            search, batch_size: as for `translations`.
            ahead: batches read before the first of them is translated.
            paused: asked after each sentence; where it says so, what has been read does not wait for more.
        """
        some: list[str] = []
        for text in texts:
            some.append(text)
            if len(some) == ahead * batch_size or paused():
                yield from self._as_finished(some, search, batch_size)
                some = []
        yield from self._as_finished(some, search, batch_size)

    def align(
        self, text: str, beam_size: int = 1, length_penalty: float = 1.0, search: Search | None = None
    ) -> Alignment:
        """Translates one sentence and returns the attention weights of every layer and head as well.

        Args:
            text: the sentence.
            beam_size, length_penalty: as in `BeamSearch`; 1 beam is greedy search.
            search: a search to use instead.
        """
        source = encode(self.source, [text], self.max_tokens).ids
        ((_, [[best, *_]]),) = self._search([text], search or beam_search_or_greedy(beam_size, length_penalty), 1)
        maps = self.transformer.attention_maps((np.array(source), best.ids[None, :-1]))
        tokens = [_pieces(self.source, source[0]), _pieces(self.target, best.ids[1:])]
        return Alignment(self._detokenize([best.ids])[0], *tokens, AttentionMaps(*map(np.asarray, maps)))

    def _as_finished(
        self, texts: Sequence[str], search: Search | None, batch_size: int
    ) -> Iterator[list[list[TranslatedText]]]:
        """The translations of `texts` in order; after each batch those that wait for no other sentence."""
        waiting: dict[int, list[TranslatedText]] = {}
        done = 0
        for numbers, found in self._search(texts, search, batch_size):
            lines = iter(self._detokenize([one.ids for each in found for one in each]))
            for number, each in zip(numbers, found, strict=True):
                shown = slice(None) if texts[number].strip() else slice(0)
                waiting[number] = [TranslatedText(next(lines)[shown], one.score, one.cut) for one in each]
            ready = [waiting.pop(number) for number in itertools.takewhile(waiting.__contains__, itertools.count(done))]
            done += len(ready)
            if ready:
                yield ready

    def _search(
        self, texts: Sequence[str], search: Search | None, batch_size: int
    ) -> Iterator[tuple[list[int], list[list[Translation]]]]:
        """Batch by batch, the numbers of its sentences and what was found for them."""
        search = search or GreedySearch()
        if search not in self._searches:
            self._searches[search] = BatchSearch(
                self.transformer, search, self.max_tokens + 1, self.make_step, self.jit_compile
            )
        encoded = encode(self.source, texts, self.max_tokens)
        self.truncated += encoded.truncated
        return search_all(self._searches[search].translations, encoded.ids, batch_size)

    def _detokenize(self, ids: Sequence[np.ndarray]) -> list[str]:
        if not ids:
            return []
        lines = self.target.detokenize(tf.ragged.constant([list(row) for row in ids], tf.int64)).numpy()
        return [line.decode("utf-8", "replace").replace("\n", " ").strip() for line in lines]


def beam_search_or_greedy(beam_size: int, length_penalty: float) -> Search:
    """Greedy search for one beam, which is the same and costs less."""
    return GreedySearch() if beam_size == 1 else BeamSearch(beam_size, length_penalty)


class ExportTranslator(tf.Module):
    """The notebook's wrapper: a `tf.function` from one string to one string, for `tf.saved_model.save`.

    Args:
        translator: a `Translator`.
    """

    def __init__(self, translator: Translator):
        super().__init__()
        self.translator = translator

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def __call__(self, sentence):
        return self.translator(sentence, max_length=MAX_TOKENS)[0]


def print_translation(sentence: str, tokens, ground_truth: str) -> None:
    """The notebook's function: input, prediction and ground truth on a line each; `tokens` is the translation."""
    text = tokens.numpy().decode() if hasattr(tokens, "numpy") else tokens
    for label, line in (("Input", sentence), ("Prediction", text), ("Ground truth", ground_truth)):
        print(f"{label + ':':15s}: {line}")


def _pieces(tokenizer, ids) -> list[str]:
    return [piece.decode("utf-8", "replace") for piece in tokenizer.lookup(tf.constant(ids, tf.int64)).numpy()]
