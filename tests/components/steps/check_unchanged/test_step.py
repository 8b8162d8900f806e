import json
import logging
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple

import pytest
from inputs import finished_run
from podtune import __main__ as program
from podtune import __version__
from podtune.errors import BadInput, GateRefused, TryAgainLater
from podtune.formats import base_model, features
from podtune.formats.evaluation import Metric
from podtune.formats.facts import write_facts
from podtune.formats.ingredients import Ingredients
from podtune.formats.sealed import read_manifest, sealing
from podtune.steps.check_unchanged.step import run
from podtune.stores.opening import open_store
from podtune.stores.outcomes import Outcome, find_outcome
from podtune.stores.pruning import prune_versions
from podtune.stores.refusals import Refusal, remember_refusal
from podtune.stores.releases import propose, publish
from podtune.stores.store import Store

GATE = {"metric": "f1", "floors": {"f1": 80.0}, "tolerance": 1.0}

SECTIONS: Dict[str, Dict[str, Any]] = {
    "training": {"epochs": 3, "learning_rate": 3e-5},
    "evaluation": {"n_best": 20},
    "gate": GATE,
    "card": {"description": "A model."},
}

FEATURES: Dict[str, Any] = {
    "task": "question-answering",
    "raw_data": "a" * 64,
    "tokenizer": "b" * 64,
    "vocabulary_size": 12,
    "settings": {},
    "splits": {},
}

BASE_MODEL = {"source": "here", "model": "bert", "revision": "", "licence": "mit", "model_type": "bert"}

CHECKPOINT = {
    **finished_run.CHECKPOINT,
    "training": {"epochs": 3, "learning_rate": 3e-5},
    "software": {"podtune": __version__},
}

EVALUATION = {**finished_run.EVALUATION, "checkpoint": "c" * 64, "metrics": {}, "settings": {"n_best": 20}}


class Case:
    """A store with a live release, and the inputs of a run that would make the same."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store: Store = open_store(str(directory / "store"))
        self.prepare()
        self.fetch()

    def prepare(self, **changes: Any) -> None:
        """Leave Features and their facts."""
        self.features = self.seal("features", "features", {**FEATURES, **changes})
        write_facts(features.FEATURES, self.features, self.directory / "features facts")

    def fetch(self, **changes: Any) -> None:
        """Leave a BaseModel and its facts."""
        self.base_model = self.seal("base_model", "base-model", {**BASE_MODEL, **changes})
        write_facts(base_model.BASE_MODEL, self.base_model, self.directory / "base model facts")

    @property
    def facts(self) -> Tuple[Path, Path]:
        """What the step reads."""
        return self.directory / "features facts", self.directory / "base model facts"

    def seal(self, name: str, kind: str, facts: Dict[str, Any]) -> Path:
        with sealing(self.directory / name, kind, 1) as draft:
            draft.facts.update(facts)
        return self.directory / name

    def release(self, profile: Optional[Dict[str, Any]] = None, *, how: Any = publish, **changes: Any) -> None:
        """Publish or propose what was made of them, with other facts of its Checkpoint or a profile of its data."""
        made_of = {"features": _digest(self.features, "features"), "base_model": _digest(self.base_model, "base-model")}
        trained = self.seal("trained", "checkpoint", {**CHECKPOINT, **made_of, **changes})
        evaluated = self.seal("evaluated", "evaluation", {**EVALUATION, "profile": profile or {}})
        files = {
            "training/manifest.json": trained / "manifest.json",
            "evaluation/manifest.json": evaluated / "manifest.json",
        }
        how(self.store, "qa", files=files, facts={"card": {"description": "A model."}}, expected=None)

    def refuse(self, live: Optional[str] = None, **changes: Any) -> None:
        """Put on record that what the inputs make was refused."""
        made_of = Ingredients(
            features=_digest(self.features, "features"),
            base_model=_digest(self.base_model, "base-model"),
            code=__version__,
            device="cpu",
            sections={name: SECTIONS[name] for name in ("training", "evaluation")},
        )
        record = {
            "derivation": made_of.derivation,
            "time": "2026-11-27T03:12:00+00:00",
            "reason": "f1 is worse",
            "metrics": {"f1": Metric(85.0, 80.0, 90.0)},
            "live": live,
            "anchor": live,
            "gate": GATE,
            "readable": True,
        }
        remember_refusal(self.store.uri, "qa", Refusal(**{**record, **changes}))

    def check(self, device: str = "cpu", approval: str = "automatic", **changed: Any) -> Any:
        why = self.directory / "why" / "explanation"
        places = {"release": {"name": "qa", "approval": approval}, "store": self.store.uri, "device": device}
        decision = run(*self.facts, why, **{**SECTIONS, **places, **changed})
        said, reason = why.read_text().rstrip("\n").split(": ", 1)
        assert said == decision
        return decision, reason


def _digest(path: Path, kind: str) -> str:
    return read_manifest(path, kind, 1).digest


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_the_first_run_trains(case: Case) -> None:
    assert case.check() == ("train", f"no version of qa is live in {case.store.uri}")


def test_a_run_that_would_make_the_live_release_again_stops(case: Case) -> None:
    case.release()

    assert case.check() == ("stop", "data, model, code and settings are those of live version 1 of qa")


def test_numbers_that_came_through_kfp_are_the_same(case: Case) -> None:
    case.release()

    assert case.check(evaluation={"n_best": 20.0})[0] == "stop"


def test_new_data_are_trained_on(case: Case) -> None:
    case.release()
    case.prepare(vocabulary_size=13)

    assert case.check() == ("train", "changed since live version 1 of qa: the data or its preparation")


def test_another_pretrained_model_is_trained(case: Case) -> None:
    case.release()
    case.fetch(model="roberta")

    assert case.check() == ("train", "changed since live version 1 of qa: the pretrained model")


def test_new_code_trains(case: Case) -> None:
    case.release(software={"podtune": "0.0.1"})

    assert case.check() == ("train", f"changed since live version 1 of qa: podtune (0.0.1 then, {__version__} now)")


def test_another_device_trains(case: Case) -> None:
    case.release()

    assert case.check("gpu") == ("train", "changed since live version 1 of qa: the device (cpu then, gpu now)")


def test_every_changed_setting_is_told(case: Case) -> None:
    case.release()

    found = case.check(training={"epochs": 2, "learning_rate": 3e-5, "seed": 1}, card={"description": "Better."})

    assert found == (
        "train",
        "changed since live version 1 of qa: training.epochs, training.seed, card.description",
    )


def test_a_run_that_would_make_a_candidate_again_stops(case: Case) -> None:
    case.release(how=propose)
    case.release(how=propose, features="f" * 64)

    command = f"podtune approve qa 1 --store {case.store.uri}"
    same = "data, model, code and settings are those of version 1 of qa"
    assert case.check(approval="manual") == ("stop", f"{same}, which waits for approval: {command}")


def test_a_candidate_does_not_stop_a_recipe_that_asks_nobody(case: Case) -> None:
    case.release(how=propose)

    assert case.check() == ("train", f"no version of qa is live in {case.store.uri}")


def test_a_changed_run_is_trained_whatever_waits(case: Case) -> None:
    case.release()
    case.release(how=propose, features="f" * 64)

    decision, reason = case.check("gpu", approval="manual")

    assert (decision, reason) == ("train", "changed since live version 1 of qa: the device (cpu then, gpu now)")


def test_a_candidate_that_lost_a_file_is_made_again(case: Case) -> None:
    case.release(how=propose)
    _lose(case)

    assert case.check(approval="manual")[0] == "train"


def test_a_pruned_candidate_is_made_again(case: Case) -> None:
    case.release(features="f" * 64)
    case.release(how=propose)
    assert case.check(approval="manual")[0] == "stop"

    prune_versions(case.store, "qa", lambda: ())

    assert case.check(approval="manual")[0] == "train"


def _lose(case: Case) -> None:
    entry = next((case.directory / "store" / "blobs" / "sha256").iterdir())
    entry.unlink()


def _damage(case: Case) -> None:
    (case.directory / "store" / "releases" / "qa" / "versions" / "1" / "manifest.json").write_text("{")


@pytest.mark.parametrize(("harm", "reason"), [(_lose, "has lost "), (_damage, "cannot be read: ")])
def test_a_live_release_that_is_harmed_is_made_again(case: Case, harm: Callable[[Case], None], reason: str) -> None:
    case.release()
    harm(case)

    decision, why = case.check()

    assert decision == "train"
    assert why.startswith(f"live version 1 of qa {reason}")


def test_a_release_of_other_software_is_made_again(case: Case, tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("weights")
    publish(case.store, "qa", files={"model.safetensors": tmp_path / "weights"}, facts={}, expected=None)

    assert case.check() == (
        "train",
        f"live version 1 of qa cannot be read: qa 1 in {case.store.uri} has no files below training/manifest.json",
    )


def test_a_store_that_cannot_answer_is_no_reason_to_train(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: Any, key: str) -> Any:
        raise TryAgainLater("the store is away")

    monkeypatch.setattr(type(case.store), "read", away)

    with pytest.raises(TryAgainLater, match="the store is away"):
        case.check()


def test_the_step_runs_without_kfp(case: Case, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    case.release()
    sections = {**SECTIONS, "release": {"name": "qa"}}
    for name, section in sections.items():
        (case.directory / f"{name}.json").write_text(json.dumps(section))
    options = [part for name in sections for part in (f"--{name}", str(case.directory / f"{name}.json"))]
    given = {"device": "cpu", "store": case.store.uri}
    given.update(zip(("prepared-data-facts", "base-model-facts"), map(str, case.facts)))
    options += [part for name, value in given.items() for part in (f"--{name}", str(value))]
    why = case.directory / "explanation"
    monkeypatch.setattr(sys, "argv", ["podtune", "check_unchanged", *options, "--explanation", str(why)])

    program.main()

    assert capsys.readouterr().out == "stop\n"
    assert why.read_text() == ("stop: data, model, code and settings are those of live version 1 of qa\n")


def test_a_stop_is_noted_where_somebody_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODTUNE_RUN", "r1")
    case = Case(tmp_path)
    case.release()

    case.check()
    assert find_outcome(case.store, "qa", "r1") is None

    places = {"release": {"name": "qa", "notify": True}, "store": case.store.uri, "device": "cpu"}
    for training in ({"epochs": 4}, SECTIONS["training"]):
        run(*case.facts, tmp_path / "reason", **{**SECTIONS, "training": training}, **places)

    reason = "data, model, code and settings are those of live version 1 of qa"
    assert find_outcome(case.store, "qa", "r1") == Outcome("skipped", reason)
    assert list(case.store.keys("runs/")) == ["runs/qa/r1/skipped.json"]


REFUSED = (
    "the same data, model, code and settings were refused at 2026-11-27T03:12:00\\+00:00: f1 is worse; "
    "change one of them or the gate's settings, or start the recipe by hand \\(podtune submit\\), which trains anyway"
)


def test_what_was_refused_is_not_trained_again(case: Case) -> None:
    case.refuse()

    with pytest.raises(GateRefused, match=f"^qa is not trained: {REFUSED}$"):
        case.check()
    assert not (case.directory / "why").exists()


def test_other_words_on_the_card_train_no_refused_model(case: Case) -> None:
    case.release(training={"epochs": 2})
    case.refuse(live="1")

    with pytest.raises(GateRefused, match=r"^qa is not trained: "):
        case.check(card={"description": "Better."})


@pytest.mark.parametrize(
    "changed",
    [
        {"gate": {**GATE, "tolerance": 2.0}},
        {"training": {"epochs": 4, "learning_rate": 3e-5}},
        {"evaluation": {"n_best": 10}},
        {"device": "gpu"},
    ],
)
def test_a_run_that_may_pass_trains(case: Case, changed: Dict[str, Any]) -> None:
    case.refuse()

    assert case.check(**changed)[0] == "train"


def test_another_live_version_is_another_comparison(case: Case) -> None:
    case.release(training={"epochs": 2})
    case.refuse()

    assert case.check()[0] == "train"


def test_a_floor_refuses_whatever_is_live(case: Case) -> None:
    case.release(training={"epochs": 2})
    case.refuse()

    with pytest.raises(GateRefused, match=r"f1 is 85.00, below its floor of 90.00; change"):
        case.check(gate={**GATE, "floors": {"f1": 90.0}})


def test_the_live_release_stops_a_run_as_ever(case: Case) -> None:
    case.release()
    case.refuse(live="1")

    assert case.check()[0] == "stop"


def test_a_stop_by_an_earlier_refusal_is_told_as_one(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODTUNE_RUN", "r1")
    case.refuse()

    with pytest.raises(GateRefused):
        case.check(release={"name": "qa", "notify": True})

    reason = "the same data, model, code and settings were refused at 2026-11-27T03:12:00+00:00: f1 is worse"
    found = find_outcome(case.store, "qa", "r1")
    assert found == Outcome("refused", reason, None, {"f1": Metric(85.0, 80.0, 90.0)})


def profile_of(examples: int, *, text: int = 50, **counts: int) -> Dict[str, Any]:
    """A profile of a training split."""
    figures = {"sources": 200, "without_answer": 0, "answers": 300, "most_frequent": 10, **counts}
    lengths = {"text_lengths": [1, 20, text, 90, 99], "source_lengths": [100, 200, 700, 900, 999]}
    return {"train": {"examples": examples, **figures, **lengths}}


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (profile_of(100, sources=20, most_frequent=1), "train, questions: 1,000 then, 100 now (90%)"),
        (profile_of(1000, without_answer=1000), "train, share that has no answer: 0.0% then, 100.0% now (100%)"),
        (profile_of(1000, text=25), "train, median characters of a question: 50 then, 25 now (50%)"),
        (profile_of(1000, most_frequent=900), "train, share of the most frequent answer: 1.0% then, 90.0% now (89%)"),
        (profile_of(2000, most_frequent=20), "train, questions: 1,000 then, 2,000 now (50%)"),
    ],
)
def test_data_unlike_the_live_releases_is_not_trained_on(case: Case, now: Dict[str, Any], what: str) -> None:
    case.release(profile_of(1000))
    case.prepare(profile=now)

    with pytest.raises(BadInput) as stopped:
        case.check()

    message = str(stopped.value)
    assert message.startswith("the data is not like that of live version 1 of qa: train, ")
    assert what in message
    assert "; gate.most_data_change allows 30%, so nothing is trained; " in message
    assert not (case.directory / "why").exists()
    allowed = float(message.rpartition("--set gate.most_data_change=")[2])
    assert case.check(gate={"most_data_change": allowed})[0] == "train"


def test_a_smaller_change_is_told_and_trained_on(case: Case) -> None:
    case.release(profile_of(1000))
    case.prepare(profile=profile_of(800, most_frequent=8))

    assert case.check() == (
        "train",
        "changed since live version 1 of qa: the data or its preparation\n"
        "- train, questions: 1,000 then, 800 now (20%)",
    )


def test_data_of_an_earlier_version_of_podtune_is_not_compared(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    case.release()
    case.prepare(profile=profile_of(1))

    with caplog.at_level(logging.INFO):
        assert case.check() == ("train", "changed since live version 1 of qa: the data or its preparation")

    assert "live version 1 of qa records no figures of its data, which are not compared" in caplog.text


def test_a_pipeline_of_an_earlier_version_has_the_default_limit(case: Case) -> None:
    case.release(profile_of(1000))
    case.prepare(profile=profile_of(690, most_frequent=7))

    with pytest.raises(BadInput, match=r"1,000 then, 690 now \(31%\); gate\.most_data_change allows 30%"):
        case.check(gate={})


def test_a_limit_that_is_no_number_is_a_mistake(case: Case) -> None:
    case.release(profile_of(1000))
    case.prepare(profile=profile_of(800))

    with pytest.raises(BadInput, match=r"^gate\.most_data_change must be a finite number; got 'much'$"):
        case.check(gate={"most_data_change": "much"})
