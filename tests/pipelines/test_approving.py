"""A person approves a candidate: judged again against what is live at that moment, and first or told who was."""

import itertools
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence
from unittest.mock import ANY

import pytest
from inputs.interleaving import interleave
from podtune.errors import BadInput, GateRefused, LostRace, TryAgainLater
from podtune.formats.evaluation import EVALUATION, EXAMPLES, EvaluationFacts, Metric
from podtune.formats.release import ModelFacts, ReleaseManifest
from podtune.formats.verdict import VERDICT
from podtune.sections import to_mapping
from podtune.steps.compare.step import run as compare
from podtune.stores.approvals import Approval, approval_of, waiting_versions
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.live import Live, live_version, moves
from podtune.stores.pruned import pruned_versions
from podtune.stores.pruning import pin, prune_versions
from podtune.stores.releases import blob_key, lost_file, propose, publish, read_live, set_live
from podtune.stores.store import Store
from podtune_pipelines.approving import Approver, approve

ANNA = Approver("Anna", "the card was read")

COUNT = 1000
"""Examples, so many that a tenth of a point can be seen."""

How = Callable[..., ReleaseManifest]
Make = Callable[..., ReleaseManifest]


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def make(tmp_path: Path, store: Store) -> Make:
    """A function (how, scores, expected) that publishes or proposes a model with these scores, in `qa`."""
    numbers = itertools.count()

    def make_model(
        how: How, scores: Sequence[float], expected: Optional[str] = None, to: Any = store, gate: str = "metric: f1"
    ) -> ReleaseManifest:
        source = tmp_path / f"model-{next(numbers)}"
        facts = _evaluation(source / "evaluation", source.name, scores)
        (source / "recipe.yaml").write_text(f"name: qa\ngate: {{{gate}}}\n")
        files = {path.relative_to(source).as_posix(): path for path in source.rglob("*") if path.is_file()}
        return how(to, "qa", files=files, facts=to_mapping(facts), expected=expected)

    return make_model


def _evaluation(path: Path, checkpoint: str, scores: Sequence[float]) -> ModelFacts:
    """Write an Evaluation of COUNT examples; the facts of a release with it."""
    metrics = {"f1": Metric(sum(scores) / len(scores), 0.0, 100.0)}
    facts = EvaluationFacts(
        "question-answering", checkpoint, "features", "validation", "dev", COUNT, COUNT, 1.0, metrics, [], {}, 1.0
    )
    with EVALUATION.sealing(path) as draft:
        lines = [json.dumps({"id": f"q{row}", "scores": {"f1": score}}) + "\n" for row, score in enumerate(scores)]
        (draft.path / EXAMPLES).write_text("".join(lines), encoding="utf-8")
        draft.facts.update(asdict(facts))
    return ModelFacts("question-answering", checkpoint, checkpoint, COUNT, metrics, {}, "dev", {})


def at(value: float) -> List[float]:
    """The scores of COUNT examples, which are this on average."""
    return [value - 10, value + 10, value, value] * (COUNT // 4)


def _live(store: Store) -> Optional[str]:
    live = live_version(store, "qa")
    return live.version if live else None


def test_the_first_model_of_a_name_waits_too(make: Make, store: Store) -> None:
    make(propose, at(80.0))

    assert approve(store, "qa", "1", ANNA) == Approval(
        version="1",
        move=1,
        approved=ANY,
        by="Anna",
        reason="the card was read",
        champion=None,
        verdict=["there is no live release to compare with"],
        anchors={"f1": ""},
    )

    assert (_live(store), waiting_versions(store, "qa")) == ("1", [])
    assert approval_of(store, "qa", "1") is not None


def test_who_and_why_stay_with_what_the_gate_said_then(make: Make, store: Store) -> None:
    make(publish, at(80.0))
    make(propose, at(81.0), "1")

    approve(store, "qa", "2", ANNA)

    approval = approval_of(store, "qa", "2")
    assert approval is not None
    assert (approval.by, approval.reason, approval.champion, approval.move) == ("Anna", "the card was read", "1", 2)
    assert approval.verdict[0].startswith("f1 differs by +1.00 points from live version 1 on the same 1,000 examples")


def test_what_is_live_already_needs_nobody(make: Make, store: Store) -> None:
    make(propose, at(80.0))
    approve(store, "qa", "1", ANNA)

    assert approve(store, "qa", "1", ANNA) is None

    assert list(store.keys("releases/qa/live/")) == ["releases/qa/live/1.json"]


def test_what_became_live_since_is_what_counts(make: Make, store: Store) -> None:
    make(publish, at(80.0))
    make(propose, at(81.0), "1")
    make(publish, at(83.0), "1")

    with pytest.raises(GateRefused, match=r"qa 2 is not made live: f1 differs by -2.00 points from live version 3"):
        approve(store, "qa", "2", ANNA)

    assert (_live(store), waiting_versions(store, "qa")) == ("3", ["2"])


def test_an_older_candidate_is_judged_as_any_other(make: Make, store: Store) -> None:
    make(propose, at(80.0))
    make(propose, at(80.5))
    approve(store, "qa", "2", ANNA)

    approval = approve(store, "qa", "1", ANNA)

    assert approval is not None
    assert (_live(store), approval.champion, approval.anchors) == ("1", "2", {"f1": "2"})


def test_the_tolerance_is_not_spent_again_after_an_older_one(make: Make, store: Store, tmp_path: Path) -> None:
    make(propose, at(80.0))
    make(propose, at(80.5))
    approve(store, "qa", "2", ANNA)
    approve(store, "qa", "1", ANNA)
    _evaluation(tmp_path / "scores", "next", at(79.5))

    compare(
        tmp_path / "scores", tmp_path / "verdict", gate={"metric": "f1"}, release={"name": "qa"}, store=str(store.uri)
    )

    verdict = VERDICT.open(tmp_path / "verdict").facts
    assert (verdict.champion, verdict.anchor, verdict.decision) == ("1", "2", "refuse")


def test_the_candidates_own_recipe_says_how_it_is_judged(make: Make, store: Store) -> None:
    make(publish, at(80.0))
    make(propose, at(78.0), "1")
    make(propose, at(77.9), "1", gate="metric: f1, tolerance: 3.0")
    make(propose, at(79.9), "1", gate="metric: f1, floors: {f1: 80.0}")

    with pytest.raises(GateRefused, match=r"worse by more than 1\.00"):
        approve(store, "qa", "2", ANNA)
    with pytest.raises(GateRefused, match=r"f1 is 79.90, below its floor of 80.00"):
        approve(store, "qa", "4", ANNA)
    assert approve(store, "qa", "3", ANNA) is not None


def test_what_does_not_wait_is_told(make: Make, store: Store) -> None:
    make(publish, at(80.0))
    make(propose, at(81.0), "1")
    make(publish, at(82.0), "1")

    with pytest.raises(BadInput, match=r"qa 1 in .* does not wait for approval; of its versions wait: 2$"):
        approve(store, "qa", "1", ANNA)
    with pytest.raises(BadInput, match=r"no version 7 of qa \(releases/qa/versions/7/manifest.json\); it has 1, 2, 3"):
        approve(store, "qa", "7", ANNA)
    with pytest.raises(
        BadInput, match=r"no version 1 of other \(releases/other/versions/1/manifest.json\); it has none"
    ):
        approve(store, "other", "1", ANNA)


def test_what_was_approved_before_can_be_rolled_back_to(make: Make, store: Store) -> None:
    make(publish, at(80.0))
    make(propose, at(81.0), "1")
    approve(store, "qa", "2", ANNA)
    set_live(store, "qa", "1", 2)

    with pytest.raises(BadInput, match=r"was approved by Anna .*; podtune rollback qa --to 2 makes it live again"):
        approve(store, "qa", "2", ANNA)


def test_a_pruned_candidate_is_told(make: Make, store: Store) -> None:
    make(publish, at(80.0))
    make(propose, at(81.0), "1")
    prune_versions(store, "qa", lambda: ())

    with pytest.raises(BadInput, match="qa 2 was pruned from"):
        approve(store, "qa", "2", ANNA)


@pytest.mark.parametrize("path", ["evaluation/examples.jsonl", "recipe.yaml"])
@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_a_damaged_candidate_is_told(make: Make, store: Store, path: str, damage: str) -> None:
    manifest = make(propose, at(80.0))
    blob = Path(store.uri, blob_key(manifest.files[path]))
    data = blob.read_bytes()
    blob.unlink()
    if damage == "changed":
        blob.write_bytes(data[::-1])

    with pytest.raises(BadInput, match=f"qa 1 in .* (has lost|holds) {path}"):
        approve(store, "qa", "1", ANNA)

    assert _live(store) is None


def test_a_recipe_of_another_version_is_told(make: Make, store: Store) -> None:
    make(propose, at(80.0), gate="metric: f1, strictness: 3")

    with pytest.raises(BadInput, match=r"the gate of qa 1 cannot be read \(gate.strictness is not a setting.*publish"):
        approve(store, "qa", "1", ANNA)


class Preceded(DirectoryStore):
    """A store in which somebody does something just before the move of a number."""

    def __init__(self, root: Path, number: int, first: Callable[[Store], object]) -> None:
        super().__init__(root)
        self._key, self._first = f"releases/qa/live/{number}.json", first

    def create(self, key: str, data: bytes) -> bool:
        if key == self._key and self.read(key) is None:
            self._first(DirectoryStore(Path(self.uri)))
        return super().create(key, data)


def test_an_approval_that_loses_a_race_is_told_to_whom(make: Make, store: Store) -> None:
    make(publish, at(80.0))
    make(propose, at(81.0), "1")

    def others(store: Store) -> None:
        make(publish, at(80.1), "1")
        make(publish, at(80.2), "3")

    with pytest.raises(TryAgainLater) as raised:
        approve(Preceded(Path(store.uri), 2, others), "qa", "2", ANNA)

    (third, second, _) = moves(store, "qa")
    assert str(raised.value) == (
        "qa 2 was judged against version 1, and in between became live: "
        f"version 3 at {second.moved}, then 4 at {third.moved}; "
        "nothing was changed, and the same command judges it against what is live now"
    )
    assert (_live(store), waiting_versions(store, "qa")) == ("4", ["2"])
    again = approve(store, "qa", "2", ANNA)
    assert again is not None
    assert (again.champion, _live(store)) == ("4", "2")


def test_a_rollback_in_between_wins_too(make: Make, store: Store) -> None:
    make(publish, at(80.0))
    make(publish, at(80.5), "1")
    make(propose, at(81.0), "2")

    with pytest.raises(TryAgainLater, match="was judged against version 2, and in between became live: version 1 at"):
        approve(Preceded(Path(store.uri), 3, lambda store: set_live(store, "qa", "1", 2)), "qa", "3", ANNA)

    assert _live(store) == "1"


def test_a_move_that_left_live_what_is_live_does_not_matter(make: Make, store: Store) -> None:
    make(publish, at(80.0))
    make(propose, at(81.0), "1")

    approval = approve(Preceded(Path(store.uri), 2, lambda store: pin(store, "qa", "1")), "qa", "2", ANNA)

    assert approval is not None
    assert (approval.move, live_version(store, "qa")) == (3, Live("2", ANY, 3))
    assert approval_of(store, "qa", "2") == approval


def test_a_pruning_in_between_takes_the_candidate(make: Make, store: Store) -> None:
    make(publish, at(80.0))
    make(propose, at(81.0), "1")

    with pytest.raises(BadInput, match="qa 2 was pruned from"):
        approve(Preceded(Path(store.uri), 2, lambda store: prune_versions(store, "qa", lambda: ())), "qa", "2", ANNA)

    assert _live(store) == "1"


def test_of_two_who_approve_the_same_one_is_on_record(make: Make, store: Store) -> None:
    make(propose, at(81.0))
    bob = Approver("Bob", "it is Monday")

    late = approve(Preceded(Path(store.uri), 1, lambda store: approve(store, "qa", "1", bob)), "qa", "1", ANNA)

    approval = approval_of(store, "qa", "1")
    assert (late, approval and approval.by) == (None, "Bob")
    assert len(list(store.keys("releases/qa/live/"))) == 1


@pytest.mark.parametrize("seed", range(40))
def test_a_race_of_all_who_move(make: Make, store: Store, seed: int) -> None:
    """One operation at a time in any order: what is approved replaced exactly what it was judged against."""
    make(publish, at(80.0))
    make(publish, at(80.1), "1")
    for value in (80.2, 80.3):
        make(propose, at(value), "2")

    def look() -> None:
        live = read_live(store, "qa")
        assert lost_file(store, live) is None
        assert live.version not in pruned_versions(store, "qa")

    told: Dict[str, Any] = interleave(store, seed, _actors(make), look)

    assert set(told.values()) <= {"done", "pruned", "LostRace", "TryAgainLater"}
    made = [one.version for one in reversed(list(moves(store, "qa")))]
    for version in ("3", "4"):
        approval = approval_of(store, "qa", version)
        assert (approval is not None) == (version in made) == (told[f"approves {version}"] == "done")
        if approval is not None:
            assert (made[approval.move - 1], made[approval.move - 2]) == (version, approval.champion)
            assert version not in pruned_versions(store, "qa")


def _actors(make: Make) -> Dict[str, Callable[[Any], str]]:
    def told(act: Callable[[Any], object]) -> Callable[[Any], str]:
        def acting(store: Any) -> str:
            try:
                act(store)
                return "done"
            except (LostRace, TryAgainLater) as error:
                return type(error).__name__
            except BadInput as error:
                return "pruned" if "was pruned" in str(error) else str(error)

        return acting

    def rolling_back(store: Any) -> None:
        live = live_version(store, "qa")
        set_live(store, "qa", "1", live.move if live else 0)

    return {
        "approves 3": told(lambda store: approve(store, "qa", "3", ANNA)),
        "approves 4": told(lambda store: approve(store, "qa", "4", ANNA)),
        "publishes": told(lambda store: make(publish, at(80.4), "2", to=store)),
        "rolls back": told(rolling_back),
        "prunes": told(lambda store: prune_versions(store, "qa", lambda: {"1"})),
    }


SMALL = [
    "source.data=sample://squad?train=64&validation=16",
    "model.source=sample://bert?layers=1&hidden=16",
    "training.epochs=1",
    "training.precision=float32",
    "evaluation.bootstrap_samples=100",
    "gate.floors.exact_match=0.0",
    "release.approval=manual",
]


@pytest.mark.local
def test_from_data_to_a_release_that_a_person_approved(tmp_path: Path) -> None:
    def podtune(*words: str) -> str:
        command = [sys.executable, "-m", "podtune_pipelines.cli", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    run = ["run", "bert-tiny-squad", *(part for change in SMALL for part in ("--set", change))]
    said = [
        podtune(*run),
        podtune(*run),
        podtune("approve", "bert-tiny-squad", "1", "--by", "Anna", "--reason", "it was read"),
        podtune(*run),
    ]

    where = tmp_path / ".podtune" / "store"
    assert said == [
        f"bert-tiny-squad version 1 waits for approval in {where}\n",
        f"bert-tiny-squad version 1 waits for approval in {where}\n",
        "bert-tiny-squad 1 is live, approved by Anna; previously live: none\n",
        f"bert-tiny-squad version 1 is live in {where}\n",
    ]
    (version,) = json.loads(podtune("releases", "bert-tiny-squad", "--json"))
    assert (version["live"], version["approval"]["reason"]) == (True, "it was read")
    assert [line.split()[2:5] for line in podtune("runs").splitlines()[1:]] == [["made", "candidate", "1"]] * 2
