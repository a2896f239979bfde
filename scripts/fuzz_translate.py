"""Does any text make the translator crash, mix up its answers or disturb the sentences beside it?

Translates thousands of hostile strings in batches, with ordinary sentences between them:

    no crash            a batch that raises is taken apart, and every string that raises alone is shown
    order kept          the same batch shuffled gives the same answers, shuffled
    neighbours          an ordinary sentence gets the answer that it gets alone
    one line a string   no answer holds a line break, a blank string gets a blank one

    python scripts/fuzz_translate.py --run-dir runs/demo
    python scripts/fuzz_translate.py --run-dir runs/demo --savedmodel exported --count 500

Exit code 1 when any of this fails.
"""

import dataclasses
import itertools
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import tensorflow as tf
import tensorflow_text  # noqa: F401 registers the operations of a SavedModel
import tyro

from transformer_tutorial.config import read_config
from transformer_tutorial.decoding.translator import Translator
from transformer_tutorial.learning.run_folder import RunFolder

NEIGHBOURS = ("O gato está na mesa.", "Ela gosta de música.", "Onde fica a estação?", "Obrigado.")
LONG = 100_000  # characters
SEPARATORS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
BIDIRECTIONAL = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
SPACES = " \t\u00a0\u1680\u2003\u200a\u202f\u205f\u3000\u200b\u200c\u200d\u2060\ufeff"
EMOJI = ("😀", "👩‍👩‍👧‍👦", "🇵🇹", "🏴\U000e0067\U000e0062\U000e007f", "👍🏿", "❤️", "🫠")
SPECIAL = ("[START]", "[END]", "[UNK]", "[PAD]", "<s>", "</s>", "<unk>", "##", "##a", "[MASK]", "\\[START\\]")
CODE = ("%s%n%x", "{0}{}", "</script><script>", "'; DROP TABLE t; --", "$(reboot)", "../../etc/passwd", "\\u0000", "-h")

Translate = Callable[[Sequence[str]], list[str]]


@dataclasses.dataclass(frozen=True)
class Options:
    """Does any text make the translator crash, mix up its answers or disturb the sentences beside it?"""

    run_dir: Path = Path("runs/demo")
    """A run folder that `train` made."""
    savedmodel: Path | None = None
    """An exported SavedModel with strings in and out, tried as well."""
    count: int = 10_000
    """Number of hostile strings."""
    beam_size: int = 1
    """Translations pursued side by side; 1 is greedy search."""
    batch_size: int = 64
    """Strings translated together, ordinary sentences included."""
    seed: int = 0
    """Of the strings and their order."""
    json: bool = False
    """Print one JSON object as the last line."""


def some(chance: random.Random, characters: Sequence[str], most: int) -> str:
    """Up to `most` of these characters."""
    return "".join(chance.choices(characters, k=chance.randint(1, most)))


def code_points(chance: random.Random, first: int, last: int, most: int = 40) -> str:
    return "".join(chr(chance.randint(first, last)) for _ in range(chance.randint(1, most)))


def mixed(chance: random.Random) -> str:
    """An ordinary sentence with hostile pieces in it."""
    pieces = [chance.choice(list(KINDS.values())[:-2])(chance)[:50] for _ in range(3)]
    words = chance.choice(NEIGHBOURS).split()
    for piece in pieces:
        words.insert(chance.randint(0, len(words)), piece)
    return chance.choice(("", " ")).join(words)


KINDS: dict[str, Callable[[random.Random], str]] = {
    "empty": lambda chance: "",
    "blank": lambda chance: some(chance, SPACES, 20),
    "controls": lambda chance: code_points(chance, 0, 31) + chr(127),
    "nul": lambda chance: some(chance, "\0a ", 30),
    "line separators": lambda chance: some(chance, SEPARATORS + "ab", 20),
    "bidirectional": lambda chance: some(chance, BIDIRECTIONAL + "abאב", 30),
    "emoji": lambda chance: some(chance, EMOJI, 12),
    "word marks": lambda chance: some(chance, "▁▁▁a ", 40),
    "special tokens": lambda chance: " ".join(chance.choices(SPECIAL, k=4)),
    "code": lambda chance: some(chance, CODE, 4),
    "combining": lambda chance: "e" + some(chance, "\u0301\u0308\u0327\u20dd\ufe0f", 300),
    "other scripts": lambda chance: code_points(chance, *chance.choice(((0x600, 0x6FF), (0x4E00, 0x9FFF)))),
    "private and unassigned": lambda chance: code_points(chance, *chance.choice(((0xE000, 0xF8FF), (0xFFF0, 0xFFFF)))),
    "beyond the first plane": lambda chance: code_points(chance, 0x10000, 0x10FFFF),
    "lone surrogates": lambda chance: "a" + code_points(chance, 0xD800, 0xDFFF, 5) + chance.choice(("", "b")),
    "one long word": lambda chance: chance.choice("aãß▁0é") * chance.randint(200, 5000),
    "mixed": mixed,
    "very long": lambda chance: (some(chance, "ab ▁\0é😀\u202e", 50) * LONG)[:LONG],
}


def hostile_strings(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """(kind, string), the kinds in turn; strings of `LONG` characters are one in a hundred."""
    chance = random.Random(seed)
    kinds = [kind for kind in KINDS if kind != "very long"]
    for number in range(count):
        kind = "very long" if number % 100 == 17 else kinds[number % len(kinds)]
        yield kind, KINDS[kind](chance)


def savedmodel_translate(folder: Path) -> Translate:
    """The exported model's signature as a function of many strings, whether it takes one or many at a time."""
    loaded = tf.saved_model.load(str(folder))
    function = loaded.signatures["serving_default"] if loaded.signatures else loaded
    named = getattr(function, "structured_input_signature", ((), {}))[1]
    name, spec = next(iter(named.items())) if named else (None, tf.TensorSpec([], tf.string))

    def call(value):
        out = function(**{name: value}) if name else function(value)
        return (next(iter(out.values())) if isinstance(out, dict) else out).numpy()

    def translate(texts):
        data = [text.encode("utf-8", "surrogatepass") for text in texts]
        answers = list(call(tf.constant(data))) if spec.shape.rank else [call(tf.constant(one)) for one in data]
        return [answer.decode("utf-8", "replace") for answer in answers]

    return translate


def fuzz(translate: Translate, options: Options) -> dict:
    """Counts and the failures of one way to translate."""
    chance, began = random.Random(options.seed + 1), time.monotonic()
    alone = {sentence: translate([sentence])[0] for sentence in NEIGHBOURS}
    strings = hostile_strings(options.count, options.seed)
    failures, kinds = [], Counter()
    while batch := list(itertools.islice(strings, max(1, options.batch_size - len(NEIGHBOURS)))):
        kinds.update(kind for kind, _ in batch)
        batch += [("neighbour", sentence) for sentence in NEIGHBOURS]
        chance.shuffle(batch)
        failures += check_batch(translate, batch, alone, chance)
        print(f"{sum(kinds.values())}/{options.count}, {len(failures)} failures", file=sys.stderr, flush=True)
    return {
        "strings": sum(kinds.values()),
        "kinds": dict(kinds),
        "failures": failures,
        "seconds": round(time.monotonic() - began, 1),
    }


def check_batch(
    translate: Translate, batch: list[tuple[str, str]], alone: dict[str, str], chance: random.Random
) -> list[dict[str, str]]:
    """What is wrong with the answers of one batch."""
    texts = [text for _, text in batch]
    try:
        answers = translate(texts)
        order = chance.sample(range(len(texts)), len(texts))
        shuffled = translate([texts[i] for i in order])
    except Exception as error:
        alone_too = culprits(translate, batch)
        if not alone_too:
            return [failure("crash", "only together", "", error)]
        rest = [pair for number, pair in enumerate(batch) if number not in alone_too]
        return [*alone_too.values(), *check_batch(translate, rest, alone, chance)]
    if not len(answers) == len(shuffled) == len(texts):
        return [failure("order", "all", "", f"{len(answers)} and {len(shuffled)} answers to {len(texts)} strings")]
    found = []
    back = dict(zip(order, shuffled, strict=True))
    for number, ((kind, text), answer) in enumerate(zip(batch, answers, strict=True)):
        if answer != back[number]:
            found.append(failure("order", kind, text, f"{answer!r}, shuffled {back[number]!r}"))
        if kind == "neighbour" and answer != alone[text]:
            found.append(failure("neighbours", kind, text, f"{answer!r}, alone {alone[text]!r}"))
        if "\n" in answer or "\r" in answer or (not text.strip() and answer):
            found.append(failure("one line a string", kind, text, repr(answer)))
    return found


def culprits(translate: Translate, batch: list[tuple[str, str]]) -> dict[int, dict[str, str]]:
    """The strings of a batch that raise alone, by their places."""
    found = {}
    for number, (kind, text) in enumerate(batch):
        try:
            translate([text])
        except Exception as error:
            found[number] = failure("crash", kind, text, error)
    return found


def failure(what: str, kind: str, text: str, why: object) -> dict[str, str]:
    message = f"{type(why).__name__}: {why}" if isinstance(why, Exception) else str(why)
    return {"what": what, "kind": kind, "text": ascii(text[:60]), "why": message[:200]}


def print_table(name: str, result: dict) -> None:
    """The result for people."""
    failed = Counter((one["what"], one["kind"]) for one in result["failures"])
    print(f"{name}: {result['strings']} strings of {len(result['kinds'])} kinds in {result['seconds']:.0f} s")
    for what in ("crash", "order", "neighbours", "one line a string"):
        kinds = ", ".join(f"{count} {kind}" for (one, kind), count in sorted(failed.items()) if one == what)
        print(f"    {what:<18} {'FAILED: ' + kinds if kinds else 'never failed'}")
    for one in result["failures"][:10]:
        print(f"        {one['what']}, {one['kind']}: {one['text']}  {one['why']}")


def main(options: Options) -> int:
    """Tries every way to translate; 1 when something failed."""
    config = read_config(options.run_dir)
    model, tokenizers = RunFolder(options.run_dir).load_model()
    translator = Translator(tokenizers, model, config.max_tokens)
    ways = {"Translator": lambda texts: translator.translate(texts, options.beam_size)}
    if options.savedmodel:
        ways["SavedModel"] = savedmodel_translate(options.savedmodel)
    results = {name: fuzz(translate, options) for name, translate in ways.items()}
    for name, result in results.items():
        print_table(name, result)
    if options.json:
        print(json.dumps(results))
    return int(any(result["failures"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options)))
