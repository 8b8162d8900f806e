"""Threads that share a store take turns, one operation at a time, in an order that a seed decides."""

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Condition
from typing import Any, Callable, Dict, Optional, Set

OPERATIONS = ("read", "create", "size", "is_whole", "upload", "download", "keys", "listing", "delete")


class Turns:
    """Decides which of several actors does its next operation; only when all wait for their turn."""

    def __init__(self, seed: int, actors: Set[str]) -> None:
        self._random, self._running = random.Random(seed), set(actors)
        self._waiting: Set[str] = set()
        self._turn: Optional[str] = None
        self._changed = Condition()

    def take(self, actor: str) -> None:
        with self._changed:
            self._waiting.add(actor)
            self._decide()
            assert self._changed.wait_for(lambda: self._turn == actor, timeout=60)
            self._turn = None
            self._waiting.remove(actor)

    def leave(self, actor: str) -> None:
        with self._changed:
            self._running.remove(actor)
            self._decide()

    def _decide(self) -> None:
        if self._turn is None and self._waiting and self._waiting == self._running:
            self._turn = self._random.choice(sorted(self._waiting))
            self._changed.notify_all()


class SharedStore:
    """A store as one actor uses it; after each operation that changes something the world is looked at."""

    def __init__(self, store: Any, actor: str, turns: Turns, look: Callable[[], None]) -> None:
        self.uri, self._store, self._actor, self._turns, self._look = store.uri, store, actor, turns, look

    def __getattr__(self, name: str) -> Any:
        assert name in OPERATIONS

        def operation(*arguments: Any) -> Any:
            self._turns.take(self._actor)
            answer = getattr(self._store, name)(*arguments)
            if name in ("create", "delete"):
                self._look()
            return iter(list(answer)) if name in ("keys", "listing") else answer

        return operation


def interleave(
    store: Any, seed: int, actors: Dict[str, Callable[[Any], Any]], look: Callable[[], None]
) -> Dict[str, Any]:
    """Run actors, each with its own view of the store, and return what they return."""
    turns = Turns(seed, set(actors))

    def run(name: str) -> Any:
        try:
            return actors[name](SharedStore(store, name, turns, look))
        finally:
            turns.leave(name)

    with ThreadPoolExecutor(len(actors)) as pool:
        futures = {name: pool.submit(run, name) for name in actors}
        return {name: future.result() for name, future in futures.items()}
