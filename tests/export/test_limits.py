import pytest

from transformer_tutorial.export.limits import Limits
from transformer_tutorial.runtime.errors import UsageError


def test_what_is_not_given_follows_from_the_tokens():
    limits = Limits(max_tokens=20)
    assert (limits.max_length, limits.max_bytes) == (21, 5120)
    assert Limits(max_tokens=20, max_length=5, max_bytes=100) == Limits(20, 5, 100, 64)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_tokens": 3}, "max_tokens must be between 4 and 2048, got 3"),
        ({"max_length": 1}, "max_length must be between 2 and 2049, got 1"),
        ({"max_bytes": 15}, "max_bytes must be between 16 and"),
        ({"batch_size": 0}, "batch_size must be between 1 and"),
    ],
)
def test_a_limit_out_of_its_range_is_named(values, message):
    with pytest.raises(UsageError, match=message):
        Limits(**values)
