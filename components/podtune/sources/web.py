"""A directory on the web as a source: files by their names, no listing."""

from pathlib import Path
from typing import List, Optional

from podtune.errors import BadInput
from podtune.sources.cache import through_cache
from podtune.sources.checksums import Sum
from podtune.sources.download import download
from podtune.sources.uris import file_uri, without_secrets


class WebSource:
    """Files below one URL; a query, such as a signature, is sent with each and shown nowhere."""

    def __init__(self, uri: str) -> None:
        self.uri = without_secrets(uri)
        self._address = uri

    def names(self) -> List[str]:
        """The web has no listing."""
        raise BadInput(f"cannot list {self.uri}: the web has no listing; name the files")

    def bring(self, name: str, target: Path, expected: Optional[Sum]) -> None:
        """Download one file."""
        url = file_uri(self._address, name)
        place = without_secrets(url)
        through_cache(place, target, expected, lambda collected: download(url, collected, place))
