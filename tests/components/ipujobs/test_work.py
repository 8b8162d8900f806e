import time
from pathlib import Path
from typing import Optional

import pytest
from podtune.errors import TryAgainLater
from podtune.ipujobs.work import Lease, LeaseWatch
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.store import Advance, unwatched


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("podtune.ipujobs.work.time", made)
    return made


class Failing(DirectoryStore):
    """A store that cannot be reached while `down`."""

    down = False

    def upload(self, source: Path, key: str, advance: Advance = unwatched) -> None:
        self._fail()
        super().upload(source, key, advance)

    def read(self, key: str) -> Optional[bytes]:
        self._fail()
        return super().read(key)

    def _fail(self) -> None:
        if self.down:
            raise TryAgainLater("the store is down")


@pytest.fixture
def store(tmp_path: Path) -> Failing:
    return Failing(tmp_path)


def contents(store: DirectoryStore) -> bytes:
    found = store.read("lease")
    assert found is not None
    return found


def test_a_lease_is_renewed_while_it_is_held_and_leaves_nothing(store: Failing) -> None:
    contents_seen = set()
    until = time.monotonic() + 20

    with Lease(store, 0.08):
        while len(contents_seen) < 3 and time.monotonic() < until:
            contents_seen.add(contents(store))

    assert len(contents_seen) == 3
    assert list(store.keys("")) == []


def test_a_lease_that_is_renewed_is_not_lost(store: Failing, clock: Clock) -> None:
    lease, watch = Lease(store, 900), LeaseWatch(store, 900)

    for _ in range(40):
        clock.now += 60
        lease.renew()
        assert not watch.is_lost()


def test_a_lease_is_lost_when_nobody_renews_it(store: Failing, clock: Clock) -> None:
    watch = LeaseWatch(store, 900)
    Lease(store, 900).renew()
    clock.now += 120
    watch.is_lost()

    clock.now += 899
    before = watch.is_lost()
    clock.now += 2

    assert (before, watch.is_lost()) == (False, True)


def test_a_lease_that_never_was_is_lost_as_late(store: Failing, clock: Clock) -> None:
    watch = LeaseWatch(store, 900)

    clock.now += 901

    assert watch.is_lost()


def test_another_waiter_takes_a_lease_over(store: Failing, clock: Clock) -> None:
    watch = LeaseWatch(store, 900)
    Lease(store, 900).renew()
    clock.now += 800
    assert not watch.is_lost()
    Lease(store, 900).renew()

    clock.now += 800

    assert not watch.is_lost()


def test_time_in_which_the_store_is_down_is_left_out(
    store: Failing, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    lease, watch = Lease(store, 240), LeaseWatch(store, 240)
    lease.renew()
    clock.now += 200
    watch.is_lost()
    store.down = True
    for _ in range(100):
        clock.now += 60
        lease.renew()
        assert not watch.is_lost()
    store.down = False

    clock.now += 200
    lost = [watch.is_lost()]
    clock.now += 41
    lost.append(watch.is_lost())

    assert lost == [False, True]
    assert "the store is down" in caplog.text
