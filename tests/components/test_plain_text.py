import pytest
from podtune.plain_text import without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://me:secret@ci.example/run", "see https://…@ci.example/run"),
        ("see https://ci.example/run?token=secret", "see https://ci.example/run?…"),
        ("see https://me:secret@ci.example/run?token=secret", "see https://…@ci.example/run?…"),
        ("see https://me:canary@canary@ci.example/run", "see https://…@ci.example/run"),
        ("'https://a.example/?k=secret' and 's3://secret@b/c'", "'https://a.example/?…' and 's3://…@b/c'"),
        ("mail me@team.example of https://a.example/b", "mail me@team.example of https://a.example/b"),
    ],
)
def test_no_part_of_a_uri_that_may_be_secret_is_shown(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
