import pytest
from podtune.plain_text import without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://host/x", "see https://host/x"),
        ("see https://me:word@host/x", "see https://…@host/x"),
        ("see https://host/x?key=word more", "see https://host/x?… more"),
        ("see https://me:word@host/x?key=word more", "see https://…@host/x?… more"),
        ("s3://key:word@bucket and 'https://me@host?a=b'", "s3://…@bucket and 'https://…@host?…'"),
    ],
)
def test_users_passwords_and_queries_are_left_out_of_uris(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
