"""Nights, one after the other: what each model is held against."""

from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence

import pytest
from podtune.errors import BadInput
from podtune.formats.evaluation import EVALUATION
from podtune.formats.release import ModelFacts, ReleaseManifest
from podtune.formats.verdict import VERDICT, VerdictFacts
from podtune.sections import to_mapping
from podtune.steps.compare import anchor
from podtune.steps.compare.step import run
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.live import live_version
from podtune.stores.releases import blob_key, publish, read_release, set_live

Judge = Callable[..., VerdictFacts]


@pytest.fixture
def judged(store: DirectoryStore, make_evaluation: Any, tmp_path: Path) -> Judge:
    """A function (name, scores) that judges a model with these scores."""

    def judge(name: str, scores: Sequence[float], data: str = "dev", **gate: Any) -> VerdictFacts:
        evaluation = make_evaluation(name, scores, data=data)
        settings = {"metric": "f1", **gate}
        run(evaluation, tmp_path / "verdict", gate=settings, release={"name": "qa"}, store=store.uri)
        return VERDICT.open(tmp_path / "verdict").facts

    return judge


@pytest.fixture
def night(store: DirectoryStore, judged: Judge, tmp_path: Path) -> Judge:
    """The same, that releases what is accepted; `old` as earlier versions of podtune did."""

    def one_night(name: str, scores: Sequence[float], *, old: bool = False, **options: Any) -> VerdictFacts:
        verdict = judged(name, scores, **options)
        if verdict.decision != "refuse":
            evaluation = EVALUATION.open(tmp_path / name)
            scored = evaluation.facts
            recorded = {} if old else {"data": scored.data, "anchors": verdict.anchors}
            facts = ModelFacts(scored.task, name, evaluation.digest, scored.examples, scored.metrics, {}, **recorded)
            files = {f"evaluation/{path.name}": path for path in evaluation.path.iterdir()}
            publish(store, "qa", files=files, facts=to_mapping(facts), expected=verdict.champion)
        return verdict

    return one_night


def less(*losses: float) -> List[List[float]]:
    """The scores of so many examples that a tenth of a point shows, lower by each of these."""
    return [[80.0 - loss, 90.0 - loss] * 2000 for loss in losses]


def live(store: DirectoryStore) -> Optional[str]:
    found = live_version(store, "qa")
    return found.version if found else None


@pytest.mark.parametrize("old", [False, True])
def test_the_tolerance_is_spent_once_and_not_every_night(night: Judge, store: DirectoryStore, old: bool) -> None:
    decisions = [
        night(f"night-{number}", scores, old=old).decision
        for number, scores in enumerate(less(0.0, 0.4, 0.8, 1.2, 1.1, 0.9))
    ]

    assert decisions == ["accept-first", "accept", "accept", "refuse", "refuse", "accept"]
    assert live(store) == "4"


def test_a_refusal_names_the_anchor_first_and_the_verdict_has_both_differences(night: Judge) -> None:
    for number, scores in enumerate(less(0.0, 0.75)):
        night(f"night-{number}", scores)

    verdict = night("third", less(1.5)[0])

    assert (verdict.champion, verdict.anchor) == ("2", "1")
    assert verdict.difference == pytest.approx({"value": -0.75, "low": -0.82, "high": -0.68}, abs=0.005)
    assert verdict.anchor_difference == pytest.approx({"value": -1.5, "low": -1.57, "high": -1.43}, abs=0.005)
    assert verdict.reasons[0].startswith(
        "f1 differs by -1.50 points from version 1 (the best so far) on the same 4,000"
    )
    assert verdict.reasons[1].startswith("f1 differs by -0.75 points from live version 2 on the same 4,000")


def test_a_better_model_is_the_next_anchor(night: Judge) -> None:
    verdicts = [night(f"night-{number}", scores) for number, scores in enumerate(less(0.0, 0.5, -1.0, 0.0, 0.25))]

    assert [verdict.anchor for verdict in verdicts] == [None, "1", "1", "3", "3"]
    assert [verdict.anchors for verdict in verdicts] == [{"f1": ""}, {"f1": "1"}, {"f1": "1"}, {"f1": "3"}, {"f1": "3"}]
    assert verdicts[1].anchor_difference == verdicts[3].anchor_difference == {}
    assert verdicts[4].decision == "refuse"


def test_what_is_recorded_is_not_searched_again(
    night: Judge, judged: Judge, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, scores in enumerate(less(0.0, 0.25, 0.5, 0.75)):
        night(f"night-{number}", scores)
    read: List[str] = []

    def noting(store: DirectoryStore, name: str, version: str) -> ReleaseManifest:
        read.append(version)
        return read_release(store, name, version)

    monkeypatch.setattr(anchor, "read_release", noting)

    assert judged("next", less(0.5)[0]).anchor == "1"
    assert read == ["4", "1"]


def test_a_model_that_was_rolled_back_from_is_no_anchor(night: Judge, store: DirectoryStore) -> None:
    night("first", less(1.0)[0])
    night("wrong", less(-5.0)[0])
    set_live(store, "qa", "1", after=2)

    verdict = night("third", less(1.5)[0])

    assert (verdict.decision, verdict.champion, verdict.anchor) == ("accept", "1", "1")


def test_a_rollback_brings_its_own_anchor(night: Judge, store: DirectoryStore) -> None:
    for number, scores in enumerate(less(0.0, 0.75, -5.0)):
        night(f"night-{number}", scores)
    set_live(store, "qa", "2", after=3)

    verdict = night("next", less(1.5)[0])

    assert (verdict.decision, verdict.champion, verdict.anchor) == ("refuse", "2", "1")


def test_a_person_names_the_anchor(night: Judge, judged: Judge) -> None:
    for number, scores in enumerate(less(1.0, 0.0, 0.9)):
        night(f"night-{number}", scores)

    verdict = judged("next", less(1.8)[0], anchor=1)

    assert (verdict.decision, verdict.anchor, verdict.anchors) == ("accept", "1", {})
    assert verdict.reasons[1].startswith("f1 differs by -0.80 points from version 1 (the anchor of the recipe) on the")


def test_without_a_name_again_the_best_is_found_past_a_release_that_had_one(night: Judge) -> None:
    for number, scores in enumerate(less(1.0, 0.0)):
        night(f"night-{number}", scores)
    night("named", less(0.9)[0], anchor=1)

    assert night("next", less(1.8)[0]).anchor == "2"


def test_an_anchor_that_is_not_there_is_bad_input(night: Judge, judged: Judge, store: DirectoryStore) -> None:
    with pytest.raises(BadInput) as caught:
        judged("first", less(0.0)[0], anchor=1)
    assert str(caught.value) == (
        f"gate.anchor must be a version of qa in {store.uri}: it has none yet; leave gate.anchor out; got 1"
    )

    night("first", less(0.0)[0])
    with pytest.raises(BadInput, match=r"^gate\.anchor must be a version of qa in .*: 1; got 7$"):
        judged("second", less(0.0)[0], anchor=7)


def lose_scores(store: DirectoryStore, version: str) -> None:
    store.delete(blob_key(read_release(store, "qa", version).files["evaluation/examples.jsonl"]))


@pytest.mark.parametrize(
    ("gate", "title"), [({}, "version 1 (the best so far)"), ({"anchor": 1}, "version 1 (the anchor of the recipe)")]
)
def test_an_anchor_that_cannot_be_read_refuses(
    night: Judge, judged: Judge, store: DirectoryStore, gate: Any, title: str
) -> None:
    for number, scores in enumerate(less(0.0, 0.5)):
        night(f"night-{number}", scores)
    lose_scores(store, "1")

    verdict = judged("next", less(0.5)[0], **gate)

    assert (verdict.decision, verdict.anchor) == ("refuse", "1")
    assert verdict.reasons[0].startswith(f"the scores of {title} cannot be read (there is no blobs/sha256/")
    assert verdict.reasons[0].endswith("; name a readable one as gate.anchor, or release under another name")


def test_a_damaged_manifest_of_the_anchor_refuses(night: Judge, judged: Judge, store: DirectoryStore) -> None:
    for number, scores in enumerate(less(0.0, 0.5)):
        night(f"night-{number}", scores)
    Path(store.uri, "releases/qa/versions/1/manifest.json").write_text("{")

    verdict = judged("next", less(0.5)[0])

    assert (verdict.decision, verdict.anchor) == ("refuse", "1")
    assert "releases/qa/versions/1/manifest.json" in verdict.reasons[0]


def test_an_old_release_whose_data_is_not_known_is_left_out_if_it_cannot_be_read(
    night: Judge, judged: Judge, store: DirectoryStore
) -> None:
    for number, scores in enumerate(less(0.0, 0.5)):
        night(f"night-{number}", scores, old=True)
    first = read_release(store, "qa", "1")
    store.delete(blob_key(first.files["evaluation/manifest.json"]))

    assert judged("next", less(1.0)[0]).anchor == "2"


@pytest.mark.parametrize("old", [False, True])
def test_only_releases_that_were_scored_on_the_same_examples_count(night: Judge, judged: Judge, old: bool) -> None:
    night("first", less(0.0)[0], old=old)
    night("other", less(-9.0)[0], old=old, data="other", other_data="accept")

    verdict = judged("next", less(1.5)[0], other_data="accept")

    assert (verdict.decision, verdict.champion, verdict.anchor) == ("refuse", "2", "1")


def test_a_damaged_manifest_on_the_way_ends_the_search(night: Judge, judged: Judge, store: DirectoryStore) -> None:
    for number, scores in enumerate(less(0.0, 0.5, 0.9)):
        night(f"night-{number}", scores, old=True)
    Path(store.uri, "releases/qa/versions/2/manifest.json").write_text("{")

    assert judged("next", less(1.0)[0]).anchor == "3"


def test_the_same_model_as_the_live_one_passes_whatever_the_anchor(night: Judge, judged: Judge) -> None:
    for number, scores in enumerate(less(0.0, 0.9)):
        night(f"night-{number}", scores)

    verdict = judged("night-1", less(0.9)[0])

    assert (verdict.decision, verdict.reasons) == ("accept", ["live version 2 is the same model"])
