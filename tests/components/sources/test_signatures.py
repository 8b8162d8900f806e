import pytest
from podtune.errors import BadInput
from podtune.sources.signatures import signed


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/squad/train.json", "https://a.example/squad/train.json?sig=folder"),
        ("https://a.example/squad/dev.json", "https://a.example/squad/dev.json?sig=file&se=1"),
        ("https://a.example/squad2/train.json", "https://a.example/squad2/train.json"),
        ("https://b.example/squad/train.json", "https://b.example/squad/train.json"),
        ("http://a.example/squad/train.json", "http://a.example/squad/train.json"),
    ],
)
def test_a_query_goes_to_what_lies_below_its_url_only(monkeypatch: pytest.MonkeyPatch, url: str, expected: str) -> None:
    given = "https://a.example/squad/?sig=folder  https://a.example/squad/dev.json?sig=file&se=1"
    monkeypatch.setenv("PODTUNE_SIGNED_URLS", given)

    assert signed(url) == expected


@pytest.mark.parametrize("given", ["secret", "https://a.example/x", "ftp://a.example/?secret", "https://[?secret"])
def test_what_is_no_signed_url_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("PODTUNE_SIGNED_URLS", given)

    with pytest.raises(BadInput) as refusal:
        signed("https://a.example/x")

    assert str(refusal.value) == (
        "PODTUNE_SIGNED_URLS must hold https:// URLs with their queries, apart by spaces; one has none"
    )
