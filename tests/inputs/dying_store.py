"""A store whose user dies, for tests of what is left then."""

from pathlib import Path
from typing import Any, Callable

from podtune.stores.directory_store import DirectoryStore


class Died(Exception):
    pass


class DyingStore(DirectoryStore):
    """Its user dies at the given write or deletion, counted from 0, before or after it happened."""

    def __init__(self, root: Path, dies_at: int, after: bool) -> None:
        super().__init__(root)
        self._left, self._after = dies_at, after

    def create(self, key: str, data: bytes) -> bool:
        return bool(self._dying(lambda: super(DyingStore, self).create(key, data)))

    def upload(self, source: Path, key: str, advance: Any = None) -> None:
        self._dying(lambda: super(DyingStore, self).upload(source, key, lambda count: None))

    def delete(self, key: str) -> None:
        self._dying(lambda: super(DyingStore, self).delete(key))

    def _dying(self, write: Callable[[], Any]) -> Any:
        self._left -= 1
        if self._left < 0 and not self._after:
            raise Died
        answer = write()
        if self._left < 0:
            raise Died
        return answer
