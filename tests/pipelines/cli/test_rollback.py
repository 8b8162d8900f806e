from typing import Any

import pytest
from podtune.errors import BadInput
from podtune.stores.live import live_version
from podtune.stores.releases import propose
from podtune.stores.store import Store
from podtune_pipelines.cli.releases import rollback


def _live(store: Store) -> str:
    live = live_version(store, "qa")
    assert live is not None
    return live.version


def test_an_earlier_version_is_live_again(release: Any, invoke: Any, store: Store) -> None:
    release(80.0, None)
    release(81.0, "1")

    result = invoke(rollback, "qa", "--to", "1")

    assert result.stdout == "qa 1 is live; previously live: 2\n"
    assert _live(store) == "1"


def test_what_is_live_already_stays(release: Any, invoke: Any, store: Store) -> None:
    release(80.0, None)

    result = invoke(rollback, "qa", "--to", "1")

    assert result.stdout == "qa 1 is live already\n"
    assert store.read("releases/qa/live/2.json") is None


def test_a_version_that_is_not_there_is_refused(release: Any, invoke: Any, store: Store) -> None:
    release(80.0, None)

    with pytest.raises(BadInput, match=r"has no version 2 of qa \(releases/qa/versions/2/manifest.json\); it has 1"):
        invoke(rollback, "qa", "--to", "2")

    assert _live(store) == "1"


def test_a_lost_pointer_is_set_anew(release: Any, invoke: Any, store: Store) -> None:
    release(80.0, None)
    store.delete("releases/qa/live/1.json")

    result = invoke(rollback, "qa", "--to", "1")

    assert result.stdout == "qa 1 is live; previously live: none\n"
    assert _live(store) == "1"


def test_a_candidate_is_not_rolled_back_to(release: Any, invoke: Any, store: Store) -> None:
    release(80.0, None)
    release(81.0, "1", propose)

    with pytest.raises(BadInput, match=r"qa 2 in .* waits for approval; podtune approve qa 2 --store .* makes it live"):
        invoke(rollback, "qa", "--to", "2")

    assert _live(store) == "1"
