"""Where inputs come from: a directory, the web, S3 or the Hub, all asked the same way."""

from pathlib import Path
from typing import List, Optional, Protocol

from podtune.errors import BadInput
from podtune.sources.checksums import Sum
from podtune.sources.uris import scheme_of, without_secrets


class Source(Protocol):
    """A place with files, named by relative paths.

    Every method raises BadInput where the place refuses or lacks what is asked for, and TryAgainLater where it
    does not answer now.
    """

    uri: str
    """Without credentials."""

    def names(self) -> List[str]:
        """The files directly there, sorted."""

    def bring(self, name: str, target: Path, expected: Optional[Sum]) -> None:
        """Copy one file to `target`, whole; BadInput names both sums if it has another than expected.

        An interrupted download is continued by the next call for the same file.
        """


def open_source(uri: str, revision: str = "") -> Source:
    """Open what a URI or a path names, the Hub at a revision; nothing is transferred yet."""
    scheme = scheme_of(uri)
    if not scheme:
        from podtune.sources.directory import DirectorySource

        return DirectorySource(uri)
    if scheme in ("http", "https"):
        from podtune.sources.web import WebSource

        return WebSource(uri)
    if scheme == "s3":
        from podtune.sources.bucket import BucketSource

        return BucketSource(uri)
    if scheme == "hf":
        from podtune.sources.hub import HubSource

        return HubSource(uri, revision)
    raise BadInput(f"podtune cannot read from {without_secrets(uri)}")
