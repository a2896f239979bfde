"""`translate` as a user meets it, with an untrained model."""

import io
import os
import sys
import threading
import time

import numpy as np
import pytest

from tiny_transformer import tiny_transformer
from transformer_tutorial.cli import main
from transformer_tutorial.commands.translate import StdinLines
from transformer_tutorial.config import Config
from transformer_tutorial.data.tokenizer_pair import TokenizerPair

pytest.importorskip("tensorflow_text")

PORTUGUESE = ["o gato dorme na casa.", "a casa é grande.", "o cão vê o gato!", "eu gosto da casa grande."]
ENGLISH = ["the cat sleeps in the house.", "the house is big.", "the dog sees the cat!", "i like the big house."]
LINES = ["o gato", "", "a casa é grande.", "o cão vê o gato na casa", "  ", "eu gosto"]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run folder with a config, tokenizers and a model; nothing was trained."""
    folder = tmp_path_factory.mktemp("run")
    tokenizers = TokenizerPair.train(PORTUGUESE, ENGLISH, kind="wordpiece", vocab_size=60, lower_case=True)
    tokenizers.save(folder / "tokenizers")
    sizes = tokenizers.source.get_vocab_size(), tokenizers.target.get_vocab_size()
    model, draw = tiny_transformer(input_vocab_size=sizes[0], target_vocab_size=sizes[1]), np.random.default_rng(2)
    model.set_weights([draw.normal(0, 0.6, w.shape) if len(w.shape) == 2 else w for w in model.get_weights()])
    model.save(folder / "model.keras")
    (folder / "config.json").write_text(Config(max_tokens=12).to_json())
    return folder


@pytest.fixture
def translate(run_dir, capsys, monkeypatch):
    """Calls the command with flags and lines for stdin: exit code, lines of stdout, lines of stderr."""

    def call(*flags, stdin=()):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("".join(f"{line}\n" for line in stdin).encode())))
        code = main(["translate", "--run-dir", str(run_dir), *map(str, flags)])
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err.splitlines()

    return call


def test_each_line_gives_a_line_in_any_batches(translate):
    code, together, _ = translate(stdin=LINES)
    assert code == 0 and len(together) == len(LINES)
    assert [bool(line) for line in together] == [bool(line.strip()) for line in LINES]
    assert translate("--batch-size", 1, stdin=LINES)[1] == together
    assert [translate(line)[1][0] for line in LINES[2:4]] == together[2:4]


def test_the_n_best_are_numbered_and_scored_lines(translate):
    _, best, _ = translate("--beam-size", 3, stdin=LINES)
    code, lines, _ = translate("--beam-size", 3, "--n-best", 2, "--batch-size", 2, stdin=LINES)
    rows = [line.split("\t") for line in lines]
    assert code == 0 and [int(number) for number, _, _ in rows] == [n for n in range(1, 7) for _ in range(2)]
    assert [text for _, _, text in rows[::2]] == best
    scores = np.array([float(score) for _, score, _ in rows]).reshape(-1, 2)
    assert np.all(scores[:, 0] >= scores[:, 1]) and np.all(scores[[0, 2, 3, 5]] < 0)


def test_numbers_go_on_from_one_part_of_a_stream_to_the_next(translate, monkeypatch):
    monkeypatch.setattr("transformer_tutorial.commands.translate.BATCHES_AHEAD", 1)
    _, lines, _ = translate("--n-best", 1, "--batch-size", 2, stdin=LINES)
    assert [line.split("\t")[0] for line in lines] == ["1", "2", "3", "4", "5", "6"]


def test_samples_are_repeated_by_their_seed(translate):
    flags = "--temperature", 1.5, "--top-k", 30, "--top-p", 0.9
    first, again, other = (translate(*flags, "--seed", seed, stdin=LINES)[1] for seed in (1, 1, 2))
    assert first == again != other
    assert len(translate(*flags, "--n-best", 3, *LINES[2:4])[1]) == 6


def test_sampling_from_the_best_token_alone_is_greedy_search(translate):
    assert translate("--top-k", 1, stdin=LINES)[1] == translate(stdin=LINES)[1]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--n-best", 0), "--n-best must be at least 1, got 0"),
        (("--n-best", 2), "--n-best 2 needs as many beams, got 1: --beam-size 2 or more, or sampling"),
        (("--n-best", 5, "--beam-size", 4), "--n-best 5 needs as many beams, got 4"),
        (("--temperature", 0), "temperature must be above 0, got 0.0"),
        (("--top-p", 2), "top_p must be in (0, 1], got 2.0"),
        (("--top-k", 5, "--beam-size", 2), "--beam-size 2 is for searching"),
        (("--max-bytes", 0), "--max-bytes must be at least 16, got 0"),
        (("--batch-size", 0), "--batch-size must be at least 1, got 0"),
        (("--beam-size", 0), "beam_size must be at least 1, got 0"),
        (("--attention", "a.png"), "--attention draws sentences given as arguments, none came"),
        (
            ("ola", "--max-bytes", 99),
            "--max-bytes is for lines from standard input; a sentence given as an argument is",
        ),
    ],
)
def test_flags_that_make_no_sense_are_one_line_and_exit_2(translate, flags, message):
    code, out, err = translate(*flags, stdin=LINES)
    assert (code, out) == (2, []) and message in err[-1]


class Pipe:
    """A stdin that takes its lines from a generator when they are asked for, and cannot say whether there are more."""

    def __init__(self, lines):
        self.lines, self.buffer = lines, self

    def read1(self, size):
        return next(self.lines, b"")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_progress_bar_is_shown_on_a_terminal_unless_the_translations_are(translate, monkeypatch):
    assert not any("lines" in line for line in translate(stdin=LINES)[2])
    for stdout, shown in ((io.StringIO(), True), (Terminal(), False)):
        stderr = Terminal()
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setattr(sys, "stdout", stdout)
        translate(stdin=LINES)
        assert ("lines" in stderr.getvalue()) == shown
        assert len(stdout.getvalue().splitlines()) == len(LINES)


def test_who_waits_for_an_answer_before_the_next_line_gets_it(run_dir, monkeypatch):
    """A person, or a program at the other end of a pipe."""
    answers, stdout = [], io.StringIO()
    reading, writing = os.pipe()

    def type_lines():
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for number, line in enumerate(["o gato", "a casa", "", "eu gosto"]):
                pipe.write(line.encode())
                pipe.write(b"\n")
                until = time.monotonic() + 60
                while stdout.getvalue().count("\n") <= number and time.monotonic() < until:
                    time.sleep(0.01)
                answers.append(stdout.getvalue().count("\n"))

    monkeypatch.setattr("sys.stdin", os.fdopen(reading))
    monkeypatch.setattr("sys.stdout", stdout)
    typist = threading.Thread(target=type_lines)
    typist.start()
    assert main(["translate", "--run-dir", str(run_dir)]) == 0
    typist.join()
    assert answers == [1, 2, 3, 4]


def test_a_stream_is_read_a_part_at_a_time_and_each_part_is_written_at_once(run_dir, capsys, monkeypatch):
    monkeypatch.setattr("transformer_tutorial.commands.translate.BATCHES_AHEAD", 2)
    read, most_waiting = 0, 0

    def lines():
        nonlocal read, most_waiting
        written = 0
        for number in range(12):
            written += len(capsys.readouterr().out.splitlines())
            read += 1
            most_waiting = max(most_waiting, read - written)
            yield f"o gato {number}\n".encode()

    monkeypatch.setattr("sys.stdin", Pipe(lines()))
    assert main(["translate", "--run-dir", str(run_dir), "--batch-size", "2"]) == 0
    assert read == 12 and most_waiting == 4


@pytest.mark.parametrize(
    ("stdin", "expected", "cut"),
    [
        (b"a\nb", ["a", "b"], 0),
        (b"0123456789abcdef\r\n" * 2, ["0123456789abcdef"] * 2, 0),
        (b"0123456789abcdefg\nh\n", ["0123456789abcdef", "h"], 1),
        (b"x" * 1000 + b"\n\n" + b"y" * 16, ["x" * 16, "", "y" * 16], 1),
        ("ç".encode() * 8 + b"\xff\n", ["ç" * 8], 1),
        (b"\n\na", ["", "", "a"], 0),
        (b"x" * 200_000 + b"\nb\n" + b"y" * 65_536, ["x" * 16, "b", "y" * 16], 2),
    ],
)
def test_of_a_line_no_more_than_the_limit_is_read(stdin, expected, cut, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    lines = StdinLines(max_bytes=16)
    assert list(lines) == expected and lines.cut == cut


def test_lines_that_were_cut_are_counted(translate):
    code, lines, said = translate("--max-bytes", 16, stdin=["o gato dorme na casa.", "a casa"])
    assert code == 0 and len(lines) == 2 and "1 lines were cut to 16 bytes." in said
