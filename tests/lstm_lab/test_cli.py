"""The command line: what it refuses, in which words, and what it does without TensorFlow."""

import subprocess
import sys

import pytest

from lstm_lab.cli import main
from lstm_lab.config import CELLS, VARIANTS, GradcheckOptions


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--variant", "NGI"], "unknown variant 'NGI'. Did you mean NOG or NIG or NFG?"),
        (["--cell", "lsmt"], "unknown cell 'lsmt'. Did you mean lstm?"),
        (["--error-flow", "truncate"], "unknown error flow 'truncate'. Did you mean truncated?"),
        (["--dtype", "float46"], "unknown dtype 'float46'. Did you mean float64"),
        (["--dtype", "float16"], "gradcheck cannot run in float16: it rounds by 5e-4 or more"),
        (["--dtype", "bfloat16"], "gradcheck cannot run in bfloat16"),
        (["--cell", "rnn", "--variant", "V"], "--variant names LSTM variants, got --cell rnn."),
        (
            ["--po-prev", "--variant", "V", "NP"],
            "--po-prev is about the output peephole, got --variant NP",
        ),
        (["--po-prev", "--cell", "rnn"], "--po-prev is about the LSTM, got --cell rnn. Leave one of them out."),
        (["--po-prev", "--trace", "page.html"], "--trace draws the output peephole at the new cell."),
        (["--lengths", "0"], "--lengths must be 1 or more, got 0."),
        (["--seeds", "-1"], "--seeds must be 0 or more, got -1."),
        (["--variants", "V"], "Unrecognized options: --variants"),
    ],
)
def test_a_wrong_value_is_one_line_on_stderr_and_exit_code_2(flags, text, capsys):
    assert main(["gradcheck", *flags]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
    assert text in captured.err


def test_help_answers_without_tensorflow():
    program = (
        "import sys; from lstm_lab.cli import main; code = main(['gradcheck', '--help']);"
        "sys.exit(code or ('tensorflow' in sys.modules))"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0
    assert "--variant" in finished.stdout


def test_the_package_itself_loads_no_tensorflow():
    program = "import sys, lstm_lab; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_naming_a_variant_checks_the_lstm_alone():
    assert GradcheckOptions(variant=("NIG",)).cells == ("lstm",)
    assert GradcheckOptions(variant=("NIG",)).variants == ("NIG",)
    assert GradcheckOptions(variant=("NIG",), cell=("lstm", "rnn")).cells == ("lstm", "rnn")


def test_naming_nothing_checks_everything():
    assert GradcheckOptions().cells == tuple(CELLS)
    assert GradcheckOptions(cell=("lstm",)).variants == tuple(VARIANTS)
