"""Signed URLs: their queries come from the environment, so that no recipe, log or card holds one."""

from urllib.parse import urlsplit

from podtune.environment import SIGNED
from podtune.errors import BadInput


def signed(url: str) -> str:
    """The URL with the query that the environment has for it, or for the nearest place above it, if it has one."""
    queries = dict(_place_and_query(one) for one in SIGNED.value().split())
    above = [place for place in queries if f"{url}/".startswith(f"{place}/")]
    return f"{url}?{queries[max(above, key=len)]}" if above else url


def _place_and_query(given: str) -> "tuple[str, str]":
    try:
        parts = urlsplit(given)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.query:
        raise BadInput(f"{SIGNED.name} must hold https:// URLs with their queries, apart by spaces; one has none")
    return given.partition("?")[0].rstrip("/"), parts.query
