"""A file is read as data: what is not a plain Transformer is refused before anything of it is built."""

import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from tiny_transformer import tiny_transformer
from transformer_tutorial.model_file import CONFIG, WEIGHTS, read_model
from transformer_tutorial.runtime.errors import UsageError

IDS = np.array([[2, 5, 7, 3]]), np.array([[2, 4, 6]])
SHAPES = [
    {},
    {"norm": "pre", "tied_embeddings": "all", "input_vocab_size": 9},
    {"dtype": "mixed_bfloat16", "num_decoder_layers": 1},
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    file = tmp_path_factory.mktemp("stored") / "model.keras"
    tiny_transformer(num_layers=1).save(file)
    return file


def changed(stored, folder, *, config=None, weights=None):
    """A copy of the file in which one member was changed by a function of its value."""
    file = folder / "model.keras"
    with zipfile.ZipFile(stored) as old, zipfile.ZipFile(file, "w") as new:
        members = {name: old.read(name) for name in old.namelist()}
        if config:
            value = json.loads(members[CONFIG])
            members[CONFIG] = json.dumps(config(value) or value).encode()
        if weights:
            buffer = io.BytesIO(members[WEIGHTS])
            with h5py.File(buffer, "a") as arrays:
                weights(arrays)
            members[WEIGHTS] = buffer.getvalue()
        for name, data in members.items():
            new.writestr(name, data)
    return file


@pytest.mark.parametrize("shape", SHAPES)
def test_a_model_comes_back_as_it_was(shape, tmp_path):
    model = tiny_transformer(**{"num_layers": 2, **shape})
    model.save(tmp_path / "model.keras")
    found = read_model(tmp_path / "model.keras")
    assert found.get_config() == model.get_config() and found.dtype_policy.name == model.dtype_policy.name
    np.testing.assert_array_equal(found(IDS), model(IDS))


def test_a_model_with_code_in_it_is_refused_and_the_code_does_not_run(tmp_path):
    ran = []
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: ran.append(1) or x)])
    model.save(tmp_path / "model.keras")
    ran.clear()
    with pytest.raises(UsageError, match=r"no model of this package: it holds a 'Sequential', not a Transformer\."):
        read_model(tmp_path / "model.keras")
    assert not ran


def put(name, value):
    return lambda config: config["config"].update({name: value})


NAMED = {"module": "os", "class_name": "system", "config": {"command": "true"}, "registered_name": None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.update(registered_name="os>system"), "not a Transformer"),
        (lambda config: [config], "not a Transformer"),
        (put("norm", NAMED), "its norm is no plain value"),
        (put("dtype", NAMED), "no model of this package: 'name'"),
        (put("dtype", "int8"), "its dtype is 'int8'"),
        (put("kernel_initializer", "zeros"), "kernel_initializer"),
        (put("dff", "wide"), "no model of this package"),
        (put("input_vocab_size", 10**9), r"its config promises 32,\d{3},\d{3},\d{3} bytes of weights, the file has \d"),
        (put("num_layers", 10**7), "bytes of weights, the file has"),
        (put("dff", 12), "no model of this package"),
    ],
)
def test_a_config_that_is_not_the_models_own_is_refused(stored, change, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        read_model(changed(stored, tmp_path, config=change))


def replaced(make):
    """The first array of the weights, made anew."""

    def change(arrays):
        names = []
        arrays.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        shape = arrays[names[0]].shape
        del arrays[names[0]]
        make(arrays, names[0], shape)

    return change


def elsewhere(arrays, name, shape):
    arrays.create_dataset(name, shape, "float32", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])


def virtual(arrays, name, shape):
    layout = h5py.VirtualLayout(shape, "float32")
    layout[...] = h5py.VirtualSource("/etc/hostname", "data", shape)
    arrays.create_virtual_dataset(name, layout)


def link(arrays, name, shape):
    arrays[name] = h5py.ExternalLink("/etc/hostname", "/data")


def huge(arrays, name, shape):
    arrays.create_dataset(name, (1 << 40,), "float32", chunks=(1 << 10,))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (elsewhere, "lies in another file"),
        (virtual, "lies in another file"),
        (link, "in its weights is a link"),
        (huge, r"has 4,398,046,511,104 bytes, the file \d"),
    ],
)
def test_weights_that_lie_elsewhere_or_are_larger_than_the_file_are_refused(stored, make, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        read_model(changed(stored, tmp_path, weights=replaced(make)))


def test_a_large_config_and_other_files_are_refused(stored, tmp_path):
    with pytest.raises(UsageError, match=r"its config\.json has 2,\d{3},\d{3} bytes"):
        read_model(changed(stored, tmp_path, config=put("name", "a" * 2_000_000)))
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(UsageError, match="no model of this package: File is not a zip file"):
        read_model(tmp_path / "text")
