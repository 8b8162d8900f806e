import json
from typing import Any

import pytest
from podtune.errors import BadInput
from podtune.stores.opening import open_store
from podtune.stores.releases import propose
from podtune.stores.store import Store
from podtune.training.resume import forget_run
from podtune_pipelines.cli.prune import pin, prune
from podtune_pipelines.cli.releases import download, releases, rollback

AT_ONCE = ("--older-than", "0", "--keep", "0")


def _rows(text: str) -> Any:
    return [line.replace("│", " ").split() for line in text.splitlines() if line.startswith("│")]


@pytest.fixture
def three(release: Any) -> None:
    """Three versions, the first the best, the last live."""
    release(82.0, None)
    release(80.0, "1")
    release(81.0, "2")


def test_without_yes_it_is_only_listed(three: None, invoke: Any, store: Store) -> None:
    before = list(store.keys(""))

    result = invoke(prune, *AT_ONCE)

    assert _rows(result.stdout) == [
        ["qa", "1", "0", "kB", "best", "f1", "on", "12,000"],
        ["qa", "2", "0", "kB", "goes"],
        ["qa", "3", "0", "kB", "live"],
    ]
    assert result.stderr == "1 versions and 0 kB in 1 contents can go; the same command with --yes removes it\n"
    assert list(store.keys("")) == before


def test_with_yes_it_goes_and_the_others_can_be_downloaded(
    three: None, invoke: Any, store: Store, tmp_path: Any
) -> None:
    result = invoke(prune, "qa", *AT_ONCE, "--yes")

    assert result.stderr == "1 versions and 0 kB in 1 contents removed\n"
    assert len(list(store.keys("blobs/"))) == 2
    invoke(download, "qa", "--to", tmp_path / "live")
    invoke(download, "qa", "--to", tmp_path / "best", "--version", "1")


def test_old_records_of_runs_are_counted_and_go(three: None, invoke: Any, store: Store) -> None:
    store.create("runs/qa/r1/released.json", b"{}")
    store.create("refusals/qa/a/b.json", b"damaged")

    listed = invoke(prune, *AT_ONCE).stderr.splitlines()[-1]
    counted = json.loads(invoke(prune, *AT_ONCE, "--json").stdout)["records"]
    removed = invoke(prune, *AT_ONCE, "--yes").stderr.splitlines()[-1]

    what = "1 versions and 0 kB in 1 contents, and 2 records of refusals and of runs"
    assert (listed, counted) == (f"{what} can go; the same command with --yes removes it", 2)
    assert removed == f"{what} removed"
    assert [*store.keys("runs/"), *store.keys("refusals/")] == []


def test_what_waits_for_approval_has_an_age_of_its_own(release: Any, invoke: Any) -> None:
    release(80.0, None)
    release(81.0, "1", propose)

    assert _rows(invoke(prune, *AT_ONCE).stdout)[1] == ["qa", "2", "0", "kB", "waits", "for", "approval"]
    assert _rows(invoke(prune, *AT_ONCE, "--waiting", "0").stdout)[1] == ["qa", "2", "0", "kB", "goes"]


def test_what_was_pruned_is_said_wherever_it_is_asked_for(three: None, invoke: Any, tmp_path: Any) -> None:
    invoke(prune, *AT_ONCE, "--yes")

    shown = " ".join(invoke(releases, "qa").stdout.replace("│", " ").split())
    found = json.loads(invoke(releases, "qa", "--json").stdout)

    assert "2 pruned 20" in shown
    assert [bool(one["pruned"]) for one in found] == [False, True, False]
    assert found[1]["metrics"] == {"f1": 80.0}
    with pytest.raises(BadInput, match=r"^qa 2 was pruned from .* at .*, its files are gone; `podtune releases qa`"):
        invoke(rollback, "qa", "--to", "2")
    with pytest.raises(BadInput, match="qa 2 was pruned"):
        invoke(download, "qa", "--to", tmp_path / "to", "--version", "2")
    assert not (tmp_path / "to").exists()


def test_young_versions_stay_by_default(three: None, invoke: Any) -> None:
    result = invoke(prune, "--keep", "0")

    assert [row[4:] for row in _rows(result.stdout)] == [["best", "f1", "on", "12,000"], ["young"], ["live"]]
    assert result.stderr == "0 versions and 0 kB in 0 contents can go\n"


def test_a_pin_keeps_a_version(three: None, invoke: Any) -> None:
    pinned = invoke(pin, "qa", "2")
    kept = json.loads(invoke(prune, *AT_ONCE, "--json").stdout)["versions"]
    unpinned = invoke(pin, "qa", "2", "--remove")
    gone = json.loads(invoke(prune, *AT_ONCE, "--json").stdout)

    assert pinned.stdout == "qa 2 is kept until `podtune pin qa 2 --remove`\n"
    assert unpinned.stdout == "qa 2 may be pruned\n"
    assert [one["kept"] for one in kept] == ["best f1 on 12,000", "pinned", "live"]
    assert gone == {
        "versions": [
            {"name": "qa", "version": "1", "bytes": 15, "kept": "best f1 on 12,000"},
            {"name": "qa", "version": "2", "bytes": 15, "kept": ""},
            {"name": "qa", "version": "3", "bytes": 15, "kept": "live"},
        ],
        "contents": 1,
        "bytes": 15,
        "records": 0,
    }


def test_a_release_that_is_not_there_is_answered_with_those_that_are(three: None, invoke: Any) -> None:
    with pytest.raises(BadInput, match="holds no release named vqa; it holds qa"):
        invoke(prune, "vqa", "--yes")


def test_an_empty_store_has_nothing_to_prune(invoke: Any) -> None:
    result = invoke(prune, "--yes")

    assert (result.stdout, result.stderr) == ("", "0 versions and 0 kB in 0 contents removed\n")


KEY = "0123456789abcdef"


@pytest.fixture
def workspace(tmp_path: Any) -> Store:
    """A workspace with a training that stopped at step 5, and something else."""
    found = open_store(str(tmp_path / "workspace"))
    found.create(f"{KEY}/step-00000005/engine/weights", b"12345678")
    found.create(f"{KEY}/step-00000005/manifest.json", b"{}")
    found.create("ipujobs/one/output/manifest.json", b"{}")
    return found


def test_a_workspace_is_pruned_of_old_trainings(workspace: Store, invoke: Any) -> None:
    listed = invoke(prune, "--workspace", workspace.uri, "--older-than", "0")
    there = list(workspace.keys(""))
    removed = invoke(prune, "--workspace", workspace.uri, "--older-than", "0", "--yes", "--json")

    assert listed.stdout.split() == ["0", "kB", f"{workspace.uri}/{KEY}"]
    assert listed.stderr == "0 kB can go; the same command with --yes removes it\n"
    assert len(there) == 3
    assert json.loads(removed.stdout) == [{"training": KEY, "bytes": 10}]
    assert list(workspace.keys("")) == ["ipujobs/one/output/manifest.json"]


def test_a_training_of_this_week_stays(workspace: Store, invoke: Any) -> None:
    result = invoke(prune, "--workspace", workspace.uri, "--yes")

    assert result.stderr == "0 kB removed\n"
    assert len(list(workspace.keys(""))) == 3


def test_a_training_that_went_on_meanwhile_stays(workspace: Store) -> None:
    assert not forget_run(workspace, KEY, before=1.0)

    assert workspace.size(f"{KEY}/step-00000005/engine/weights") == 8
    assert workspace.read(f"{KEY}/lease") is None
