"""The package as others meet it: imported, installed, without its text kernels, and in the notebook's own way."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import transformer_tutorial

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = [
    "positional_encoding",
    "PositionalEmbedding",
    "BaseAttention",
    "CrossAttention",
    "GlobalSelfAttention",
    "CausalSelfAttention",
    "FeedForward",
    "EncoderLayer",
    "Encoder",
    "DecoderLayer",
    "Decoder",
    "Transformer",
    "CustomSchedule",
    "masked_loss",
    "masked_accuracy",
    "prepare_batch",
    "make_batches",
    "Translator",
    "ExportTranslator",
    "print_translation",
    "plot_attention_head",
    "plot_attention_weights",
    "scaled_dot_product_attention",
    "MultiHeadAttention",
    "create_padding_mask",
    "create_look_ahead_mask",
    "create_masks",
]


def in_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NOTEBOOK)
def test_the_notebooks_name_can_be_imported(name):
    assert callable(getattr(transformer_tutorial, name))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Transfromer'"):
        transformer_tutorial.Transfromer  # noqa: B018


def test_importing_the_package_does_not_import_tensorflow():
    assert in_new_process("import sys, transformer_tutorial; print('tensorflow' in sys.modules)") == "False\n"


@pytest.mark.parametrize("order", ["transformer_tutorial, keras", "keras, transformer_tutorial"])
def test_a_stored_model_loads_in_a_process_that_only_imports_the_package(order, tmp_path):
    model = transformer_tutorial.Transformer(
        num_layers=1, d_model=8, num_heads=2, dff=8, input_vocab_size=9, target_vocab_size=9
    )
    ids = np.array([[2, 5, 3]]), np.array([[2, 6]])
    expected = np.asarray(model(ids))
    model.save(tmp_path / "model.keras")
    code = (
        f"import {order}, numpy; model = keras.saving.load_model({str(tmp_path / 'model.keras')!r});"
        "print(numpy.asarray(model((numpy.array([[2, 5, 3]]), numpy.array([[2, 6]])))).tolist())"
    )
    np.testing.assert_array_equal(np.array(eval(in_new_process(code)), "float32"), expected)


def test_ids_train_where_tensorflow_text_is_missing():
    code = """
import sys
sys.modules["tensorflow_text"] = None  # what an import meets where there is no wheel
import numpy as np
from transformer_tutorial import Transformer, WordPieceTokenizer, masked_loss
model = Transformer(num_layers=1, d_model=8, num_heads=2, dff=8, input_vocab_size=9, target_vocab_size=9)
model.compile("adam", loss=masked_loss)
ids = np.random.randint(1, 9, (4, 5))
model.fit((ids, ids), ids, verbose=0)
try:
    WordPieceTokenizer(["[PAD]", "[UNK]", "[START]", "[END]", "a"])
except RuntimeError as error:
    print(error)
"""
    assert "needs tensorflow-text" in in_new_process(code)


def test_the_wheel_holds_both_packages_with_their_type_markers(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("transformer_tutorial-*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    for package in ("transformer_tutorial", "lstm_lab"):
        sources = {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")}
        assert sources | {f"{package}/py.typed"} <= packed
    assert not [name for name in packed if name.startswith(("tests", "scripts", "runs"))]
