import pytest
from podtune_pipelines.card_check.printed_numbers import read_number


@pytest.mark.parametrize(
    ("text", "value", "low", "high"),
    [
        ("5.13", 5.13, 5.12, 5.14),
        ("1,316.952 samples", 1316.952, 1316.951, 1316.953),
        ("88,524", 88524, 88524, 88524),
        ("6e-05", 6e-05, 5e-05, 7e-05),
        ("0:04:44.21", 284.21, 284.20, 284.22),
        ("2 h 3 min (7,384.0 s)", 7384.0, 7383.9, 7384.1),
        ("`81.80`", 81.8, 81.79, 81.81),
    ],
)
def test_a_printed_number_was_rounded_or_cut(text: str, value: float, low: float, high: float) -> None:
    number = read_number(text, 1)

    assert number is not None
    assert (number.value, number.low, number.high) == pytest.approx((value, low, high))


@pytest.mark.parametrize(
    "text", ["", "linear", "1e999", "0e999", f"0e{'9' * 5_000}", f"{'9' * 5_000}:00:00", "- 3", "16k", "1.2.3"]
)
def test_other_texts_are_no_numbers(text: str) -> None:
    assert read_number(text, 1) is None


@pytest.mark.parametrize(
    ("share", "examples", "counts"),
    [
        ("0.8179754020813624", 10570, [8646]),
        ("0.5933514030612245", 12576, []),
        ("0.5933514030612245", 12544, [7443]),
        ("0.852696", 10570, [9013]),
        ("0.8180", 10570, [8646, 8647]),
    ],
)
def test_a_share_tells_its_denominator(share: str, examples: int, counts: list) -> None:
    number = read_number(share, 1)

    assert number is not None
    assert list(number.counts(examples)) == counts
