from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune.sources.checksums import Sum

SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    (tmp_path / "hello").write_bytes(b"hello")
    return tmp_path / "hello"


def test_the_right_file_passes(hello: Path) -> None:
    Sum(SHA256, "the recipe").check(hello, "hello")
    Sum("b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0", "the Hub", "Git id").check(hello, "hello")

    assert Sum(SHA256, "the recipe").fits(hello)


def test_a_wrong_checksum_names_both_sums(hello: Path) -> None:
    with pytest.raises(BadInput) as failure:
        Sum("0" * 64, "source.sha256.train").check(hello, "https://example.org/hello")

    assert str(failure.value) == (
        f"https://example.org/hello has the SHA-256 {SHA256}; source.sha256.train says {'0' * 64}"
    )


def test_a_missing_file_does_not_fit(tmp_path: Path) -> None:
    assert not Sum(SHA256, "the recipe").fits(tmp_path / "hello")
