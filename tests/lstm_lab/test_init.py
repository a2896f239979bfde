"""The package's public names."""

import pytest

import lstm_lab


@pytest.mark.parametrize("name", lstm_lab.__all__)
def test_every_public_name_can_be_loaded_and_is_documented(name):
    assert getattr(lstm_lab, name).__doc__
    assert name in dir(lstm_lab)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'lstm_lab' has no attribute 'GRUCell'; it has DenseNetwork"):
        _ = lstm_lab.GRUCell


def test_the_package_says_that_it_is_typed():
    from importlib.resources import files

    assert files("lstm_lab").joinpath("py.typed").is_file()
