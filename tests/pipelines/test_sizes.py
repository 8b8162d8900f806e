import pytest
from podtune_pipelines.sizes import size_in_words


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 kB"),
        (412_345, "412 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (91_300_000, "91.3 MB"),
        (17_040_000_000, "17.0 GB"),
        (340_000_000, "340 MB"),
        (5_000_000_000_000_000, "5,000 TB"),
    ],
)
def test_a_size_has_about_three_digits(size: int, words: str) -> None:
    assert size_in_words(size) == words
