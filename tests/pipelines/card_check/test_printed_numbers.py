import pytest
from podtune_pipelines.card_check.printed_numbers import read_number, whole_numbers


@pytest.mark.parametrize(
    ("text", "value", "low", "high"),
    [
        ("5.13", 5.13, 5.125, 5.135),
        ("1,316.952 samples", 1316.952, 1316.9515, 1316.9525),
        ("88,524", 88524, 88524, 88524),
        ("6e-05", 6e-05, 5.5e-05, 6.5e-05),
        ("0:02:14.50", 134.5, 134.495, 134.505),
        ("2 h 3 min (7,384.0 s)", 7384.0, 7383.95, 7384.05),
        ("`81.80`", 81.8, 81.795, 81.805),
    ],
)
def test_a_printed_number_stands_for_all_that_round_to_it(text: str, value: float, low: float, high: float) -> None:
    number = read_number(text, 1)

    assert number is not None
    assert (number.value, number.low, number.high) == pytest.approx((value, low, high))


@pytest.mark.parametrize("text", ["", "linear", "1e999", "- 3"])
def test_other_texts_are_no_numbers(text: str) -> None:
    assert read_number(text, 1) is None


@pytest.mark.parametrize(
    ("text", "half"),
    [("0.0008745193481445312", True), ("1.9326171875", True), ("1.9326171874", False), ("0.5", False), ("0.81", False)],
)
def test_half_precision_is_recognised_where_there_are_digits(text: str, half: bool) -> None:
    number = read_number(text, 1)

    assert number is not None
    assert number.was_float16 is half


@pytest.mark.parametrize(
    ("share", "examples", "parts", "count", "excluded"),
    [
        ("0.8179754020813624", 10570, 1, 8646, False),
        ("0.5933514030612245", 12576, 1, None, True),
        ("0.5933514030612245", 12544, 1, 7443, False),
        ("0.7242196202278137", 214354, 10, None, True),
        ("0.7242196202278137", 214272, 10, 1551800, False),
        ("0.852696", 10570, 1, 9013, False),
        ("0.85", 10571, 1, 8985, False),
    ],
)
def test_a_share_tells_its_denominator(share: str, examples: int, parts: int, count: int, excluded: bool) -> None:
    number = read_number(share, 1)

    assert number is not None
    assert number.count_of(examples, parts) == count
    assert number.excludes(examples, parts) is excluded


def test_single_precision_is_recognised() -> None:
    single, double = read_number("0.7242196202278137", 1), read_number("0.5933514030612245", 1)

    assert single is not None
    assert double is not None
    assert single.was_float32
    assert not double.was_float32


def test_whole_numbers_between_two() -> None:
    assert list(whole_numbers(5857.3, 5859.0)) == [5858, 5859]
    assert list(whole_numbers(5857.3, 5857.9)) == []
