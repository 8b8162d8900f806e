import time
from pathlib import Path
from typing import Optional

import pytest
from podtune.errors import TryAgainLater
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.lease import Lease, LeaseWatch, OnlyLease, this_process
from podtune.stores.store import Advance, unwatched


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("podtune.stores.lease.time", made)
    return made


class Failing(DirectoryStore):
    """A store that cannot be reached while `down`."""

    down = False

    @property
    def path(self) -> Path:
        return Path(self.uri)

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

    with Lease(store, "lease", 0.08):
        while len(contents_seen) < 3 and time.monotonic() < until:
            contents_seen.add(contents(store))

    assert len(contents_seen) == 3
    assert list(store.keys("")) == []


def test_a_lease_that_is_renewed_is_not_lost(store: Failing, clock: Clock) -> None:
    lease, watch = Lease(store, "lease", 900), LeaseWatch(store, "lease", 900)

    for _ in range(40):
        clock.now += 60
        lease.renew()
        assert not watch.is_lost()


def test_a_lease_is_lost_when_nobody_renews_it(store: Failing, clock: Clock) -> None:
    watch = LeaseWatch(store, "lease", 900)
    Lease(store, "lease", 900).renew()
    clock.now += 120
    watch.is_lost()

    clock.now += 899
    before = watch.is_lost()
    clock.now += 2

    assert (before, watch.is_lost()) == (False, True)


def test_a_lease_that_never_was_is_lost_as_late(store: Failing, clock: Clock) -> None:
    watch = LeaseWatch(store, "lease", 900)

    clock.now += 901

    assert watch.is_lost()


def test_another_waiter_takes_a_lease_over(store: Failing, clock: Clock) -> None:
    watch = LeaseWatch(store, "lease", 900)
    Lease(store, "lease", 900).renew()
    clock.now += 800
    assert not watch.is_lost()
    Lease(store, "lease", 900).renew()

    clock.now += 800

    assert not watch.is_lost()


def test_time_in_which_the_store_is_down_is_left_out(
    store: Failing, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    lease, watch = Lease(store, "lease", 240), LeaseWatch(store, "lease", 240)
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


def only(store: DirectoryStore, seconds: float = 0.4) -> OnlyLease:
    return OnlyLease(store, "lease", seconds, "this training is under way", lambda: False)


def test_only_one_process_has_a_lease(store: Failing) -> None:
    with only(store), pytest.raises(TryAgainLater) as refused, only(store):
        pass

    assert str(refused.value) == f"this training is under way in {this_process()}; start again when it has ended"
    assert list(store.keys("")) == []


def test_a_dead_holders_lease_is_taken_after_its_time(store: Failing, caplog: pytest.LogCaptureFixture) -> None:
    Lease(store, "lease", 900).renew()
    begun = time.monotonic()

    with only(store):
        waited = time.monotonic() - begun

    assert 0.4 <= waited < 20
    assert caplog.messages == [
        f"this training is under way in {this_process()}; start again when it has ended; "
        "looking whether that is still at work"
    ]


def test_a_lease_that_is_given_back_is_free_at_once(store: Failing) -> None:
    with only(store, 900):
        pass
    with only(store, 900):
        assert contents(store)


def test_whoever_lost_a_lease_is_told_and_leaves_the_new_one(store: Failing) -> None:
    mine = only(store)
    until = time.monotonic() + 20

    with pytest.raises(TryAgainLater, match="this training is under way in process 1 on another"), mine:
        assert mine.require() is False
        (store.path / "lease").write_text("process 1 on another\nabc\n")
        while time.monotonic() < until:
            mine.require()

    assert contents(store) == b"process 1 on another\nabc\n"


def test_a_store_that_is_away_costs_nobody_the_lease(store: Failing) -> None:
    mine = only(store, 0.08)
    with mine:
        store.down = True
        time.sleep(0.2)
        assert mine.require() is False
        store.down = False
