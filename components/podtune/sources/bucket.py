"""A prefix of an S3 bucket as a source."""

from pathlib import Path
from typing import List, Optional

from podtune.errors import BadInput
from podtune.progress import progress_bar
from podtune.sources.cache import through_cache
from podtune.sources.checksums import Sum
from podtune.stores.opening import open_store


class BucketSource:
    """The objects below a prefix."""

    def __init__(self, uri: str) -> None:
        self._store = open_store(uri)
        self.uri = self._store.uri

    def names(self) -> List[str]:
        """The objects directly below the prefix, sorted."""
        return [key for key in self._store.keys("") if "/" not in key]

    def bring(self, name: str, target: Path, expected: Optional[Sum]) -> None:
        """Download one object."""

        def collect(collected: Path) -> None:
            size = self._store.size(name)
            if size is None:
                raise BadInput(f"there is no {name} in {self.uri}")
            with progress_bar(size, "B", name) as bar:
                self._store.download(name, collected, bar.update)

        through_cache(f"{self.uri}/{name}", target, expected, collect)
