"""Texts from data, models and servers without what would steer a terminal, or hide or turn around other text."""

import re

_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""Control characters but tab and line feed, zero-width ones, and marks of direction."""


def visible(text: str) -> str:
    """Drop what cannot be seen; lines stay lines."""
    return _INVISIBLE.sub("", text)


_USER = re.compile(r"(?<=://)[^\s/?#'\"]*@")
"""A user and password in a URI."""

_QUERY = re.compile(r"(https?://[^\s?#'\"]*)\?[^\s'\"]*")
"""A query of the web."""


def without_credentials(text: str) -> str:
    """The text with what may be a secret in its URIs left out: a message may quote any of a user's input."""
    return _QUERY.sub(r"\1?…", _USER.sub("…@", text))


def one_line(text: str) -> str:
    """Drop what cannot be seen, and collapse white space."""
    return visible(" ".join(text.split())).strip()


def is_path(text: str) -> bool:
    """Whether a text can be a path at all: without NUL, and without half characters."""
    try:
        return b"\0" not in text.encode("utf-8")
    except UnicodeEncodeError:
        return False
