import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import pytest
from podtune.errors import BadInput
from podtune.formats.evaluation import Metric
from podtune.stores.approvals import Approval, write_approval
from podtune.stores.live import move
from podtune.stores.outcomes import Outcome, leave_outcome
from podtune.stores.refusals import Refusal, remember_refusal
from podtune.stores.releases import propose
from podtune.stores.store import Store
from podtune_pipelines.cli.releases import releases
from podtune_pipelines.released import troubles_of


def test_every_version_is_a_row(release: Any, invoke: Any) -> None:
    created = [release(80.0, None).created, release(81.256, "1").created]

    lines = invoke(releases, "qa").stdout.splitlines()

    rows = [line.replace("│", " ").replace("┃", " ").split() for line in (lines[1], lines[3], lines[4])]
    assert rows == [
        ["version", "state", "created", "(UTC)", "compared", "with", "examples", "f1"],
        ["1", created[0][:10], created[0][11:16], "12,000", "80.00"],
        ["2", "live", created[1][:10], created[1][11:16], "1", "12,000", "81.26"],
    ]


def test_json_has_the_exact_values(release: Any, invoke: Any) -> None:
    manifest = release(81.256, None)

    assert json.loads(invoke(releases, "qa", "--json").stdout) == [
        {
            "version": "1",
            "live": True,
            "created": manifest.created,
            "parent": None,
            "examples": 12000,
            "metrics": {"f1": 81.256},
            "problem": None,
            "pinned": False,
            "pruned": None,
            "waiting": False,
            "approval": None,
        }
    ]


def test_a_damaged_version_does_not_hide_the_others(release: Any, invoke: Any, store: Store) -> None:
    release(80.0, None)
    release(81.0, "1")
    (Path(store.uri) / "releases/qa/versions/1/manifest.json").write_text("{")

    found = json.loads(invoke(releases, "qa", "--json").stdout)

    assert "is damaged: it is not JSON" in found[0]["problem"]
    assert (found[1]["version"], found[1]["live"], found[1]["problem"]) == ("2", True, None)
    assert "is damaged" in " ".join(invoke(releases, "qa").stdout.split())


def test_an_unknown_name_is_answered_with_what_there_is(release: Any, invoke: Any) -> None:
    release(80.0, None)

    with pytest.raises(BadInput, match="holds no release named vqa; it holds qa"):
        invoke(releases, "vqa")


def test_without_a_name_all_models_are_listed(release: Any, invoke: Any, store: Store, capsys: Any) -> None:
    empty = invoke(releases)
    release(80.0, None)
    release(81.0, "1")

    assert (empty.stdout, invoke(releases).stdout) == ("", "qa 2\n")
    assert json.loads(invoke(releases, "--json").stdout) == [{"name": "qa", "live": "2"}]


def refuse(store: Store, live: Optional[str], time: str) -> None:
    record = Refusal("a" * 64, time, "f1 is worse", {"f1": Metric(70.0, 65.0, 75.0)}, live, live, {}, readable=True)
    remember_refusal(store.uri, "qa", replace(record, derivation=time.ljust(64, "0")))


def test_what_was_refused_while_the_live_version_was_live_is_said(release: Any, invoke: Any, store: Store) -> None:
    release(80.0, None)
    refuse(store, None, "2026-11-24")
    assert invoke(releases, "qa").stderr == ""

    refuse(store, "1", "2026-11-26")
    refuse(store, "1", "2026-11-25")

    said = "2 models of qa refused while version 1 was live; the last at 2026-11-26: f1 is worse\n"
    assert (invoke(releases, "qa").stderr, invoke(releases, "qa", "--json").stderr) == (said, said)


def test_a_model_that_was_only_refused_is_told_of_too(invoke: Any, store: Store) -> None:
    refuse(store, None, "2026-11-26")

    with pytest.raises(BadInput, match="holds no release named qa; it holds nothing"):
        invoke(releases, "qa")

    said = ["1 model of qa refused before any version went live; the last at 2026-11-26: f1 is worse"]
    assert troubles_of(store, "qa") == said


def test_bad_ends_in_a_row_are_said(release: Any, invoke: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    release(80.0, None)
    said = []
    for run in ("r1", "r2", "r3"):
        monkeypatch.setenv("PODTUNE_RUN", run)
        leave_outcome(store.uri, "qa", Outcome("failed", "no space left"))
        said.append(invoke(releases, "qa").stderr)

    assert said == ["", "", "qa: 3 failures in a row\n"]


def test_who_approved_what_is_told_below_and_what_waits_in_its_row(release: Any, invoke: Any, store: Store) -> None:
    for f1 in (80.0, 81.0):
        release(f1, None, propose)
    approval = Approval("1", 1, "2026-11-28T03:04:05+00:00", "Anna", "the card was read", None, ["fine"])
    write_approval(store, "qa", approval, "n")
    move(store, "qa", version="1", after=0, nonce="n")

    lines = invoke(releases, "qa").stdout.splitlines()
    found = json.loads(invoke(releases, "qa", "--json").stdout)

    assert [line.replace("│", " ").split()[:2] for line in lines[3:5]] == [["1", "live"], ["2", "waiting"]]
    assert lines[-1] == "1 approved by Anna, 2026-11-28 03:04 (UTC), after none: the card was read"
    assert [one["waiting"] for one in found] == [False, True]
    assert found[0]["approval"] == {
        "version": "1",
        "move": 1,
        "approved": "2026-11-28T03:04:05+00:00",
        "by": "Anna",
        "reason": "the card was read",
        "champion": None,
        "verdict": ["fine"],
        "anchors": {},
    }
