import pytest
from podtune.errors import BadInput
from podtune.sources.samples import is_sample, mistake_in_sample, read_sample

DEFAULTS = {"seed": "1", "train": "40", "version": "1.1"}


def test_what_is_not_said_has_its_default() -> None:
    assert read_sample("sample://squad?train=80", "squad", DEFAULTS) == {"seed": "1", "train": "80", "version": "1.1"}


def test_a_sample_is_known_by_its_scheme() -> None:
    assert is_sample("sample://squad")
    assert not is_sample("samples/squad")


@pytest.mark.parametrize(
    "uri",
    ["sample://bert?seed=1", "sample://squad?sed=1", "sample://squad?seed=1&seed=2", "sample://squad/a", "sample://"],
)
def test_another_kind_or_key_is_refused(uri: str) -> None:
    with pytest.raises(BadInput) as failure:
        read_sample(uri, "squad", DEFAULTS)

    assert str(failure.value) == (
        f"{uri} must be sample://squad?seed=1&train=40&version=1.1 with any of these keys once; got {uri!r}"
    )


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "", "1e9", "9999999999", "²"])
def test_numbers_are_whole(value: str) -> None:
    assert mistake_in_sample(f"sample://squad?seed={value}", "squad", DEFAULTS) == (
        f"must have a whole number from 1 for seed; got {value!r}"
    )
