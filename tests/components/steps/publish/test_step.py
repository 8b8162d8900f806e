import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Dict

import pytest
from podtune.errors import BadInput, GateRefused, LostRace
from podtune.formats.evaluation import EVALUATION, Metric
from podtune.formats.ingredients import Ingredients
from podtune.formats.release import RELEASE
from podtune.formats.sealed import read_manifest
from podtune.sections import to_mapping
from podtune.steps.publish.step import open_candidate, run
from podtune.stores.approvals import waiting_versions
from podtune.stores.fetching import fetch_files
from podtune.stores.live import live_version
from podtune.stores.opening import open_store
from podtune.stores.outcomes import Outcome, find_outcome
from podtune.stores.refusals import refusals
from podtune.stores.releases import names, publish, read_live, read_release, versions
from podtune.stores.store import Store

SETTINGS = {"name": "qa"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def _publish(paths: Dict[str, Path], store: Store, published: Path, **settings: Any) -> str:
    artifacts = {"scores" if name == "evaluation" else name: path for name, path in paths.items()}
    run(**artifacts, published=published, release={**SETTINGS, **settings}, store=store.uri)
    return RELEASE.open(published).facts.version


def _propose(paths: Dict[str, Path], store: Store, published: Path) -> str:
    return _publish(paths, store, published, approval="manual")


def test_a_release_holds_model_card_scores_and_log(finished_run: Any, store: Store, tmp_path: Path) -> None:
    _publish(finished_run.write("abc"), store, tmp_path / "published")

    fetch_files(store, read_live(store, "qa"), tmp_path / "qa")
    found = [path.relative_to(tmp_path / "qa").as_posix() for path in (tmp_path / "qa").rglob("*") if path.is_file()]
    assert sorted(found) == [
        "README.md",
        "config.json",
        "evaluation/examples.jsonl",
        "evaluation/manifest.json",
        "evaluation/predictions.json",
        "figures/loss.png",
        "model.safetensors",
        "recipe.yaml",
        "release.json",
        "report.html",
        "training/log.jsonl",
        "training/manifest.json",
    ]
    assert (tmp_path / "qa/model.safetensors").read_text() == "abc"


def test_no_file_of_the_model_is_hashed_twice(finished_run: Any, store: Store, tmp_path: Path, hashed: Any) -> None:
    paths = finished_run.write("abc")
    hashed.forget()

    _publish(paths, store, tmp_path / "published")

    assert len(hashed) == len(set(hashed))
    assert str(paths["checkpoint"] / "model" / "model.safetensors") in hashed


def test_the_next_gate_can_open_the_scores(finished_run: Any, store: Store, tmp_path: Path) -> None:
    paths = finished_run.write("abc")
    _publish(paths, store, tmp_path / "published")

    fetch_files(store, read_live(store, "qa"), tmp_path / "champion", "evaluation/")

    champion = EVALUATION.open(tmp_path / "champion/evaluation")
    assert champion.manifest == EVALUATION.open(paths["evaluation"]).manifest


def test_the_artifact_says_where_the_release_lies(finished_run: Any, store: Store, tmp_path: Path) -> None:
    _publish(finished_run.write("abc"), store, tmp_path / "published")

    facts = RELEASE.open(tmp_path / "published").facts

    assert (facts.store, facts.name, facts.version) == (str(tmp_path / "store"), "qa", "1")
    assert facts.digest == read_live(store, "qa").digest
    assert [path.name for path in (tmp_path / "published").iterdir()] == ["manifest.json"]


def test_the_release_records_what_it_was_made_of(finished_run: Any, store: Store, tmp_path: Path) -> None:
    paths = finished_run.write("abc", description="A small model.")
    _publish(paths, store, tmp_path / "published")

    assert read_live(store, "qa").facts == {
        "task": "question-answering",
        "checkpoint": read_manifest(paths["checkpoint"], "checkpoint", 1).digest,
        "evaluation": read_manifest(paths["evaluation"], "evaluation", 1).digest,
        "examples": 12,
        "metrics": {"f1": {"value": 88.5, "low": 80.25, "high": 95.0}},
        "card": {"description": "A small model."},
        "data": "d" * 64,
        "anchors": {"f1": ""},
        "grouped_by": "",
    }


def test_the_same_run_again_makes_no_new_version(finished_run: Any, store: Store, tmp_path: Path) -> None:
    _publish(finished_run.write("abc"), store, tmp_path / "published")

    version = _publish(finished_run.write("abc", decision="accept", champion="1"), store, tmp_path / "published")

    assert (version, versions(store, "qa")) == ("1", ["1"])


def test_the_same_work_in_another_run_makes_no_new_version(finished_run: Any, store: Store, tmp_path: Path) -> None:
    _publish(finished_run.write("abc", seconds=1.5), store, tmp_path / "published")

    again = finished_run.write("abc", decision="accept", champion="1", seconds=2.5)

    assert (_publish(again, store, tmp_path / "published"), versions(store, "qa")) == ("1", ["1"])


def test_of_two_runs_of_the_same_work_at_once_both_are_live(finished_run: Any, store: Store, tmp_path: Path) -> None:
    _publish(finished_run.write("abc", seconds=1.5), store, tmp_path / "published")
    store.delete("releases/qa/live/1.json")

    assert _publish(finished_run.write("abc", seconds=2.5), store, tmp_path / "published") == "1"


def test_new_words_on_the_card_make_a_new_version(finished_run: Any, store: Store, tmp_path: Path) -> None:
    _publish(finished_run.write("abc"), store, tmp_path / "published")
    reworded = finished_run.write("abc", decision="accept", champion="1", description="A better description.")

    assert _publish(reworded, store, tmp_path / "published") == "2"


def test_the_same_run_again_restores_what_the_store_lost(finished_run: Any, store: Store, tmp_path: Path) -> None:
    _publish(finished_run.write("abc"), store, tmp_path / "published")
    weights = read_live(store, "qa").files["model.safetensors"]
    store.delete(f"blobs/sha256/{weights.sha256}")

    _publish(finished_run.write("abc", decision="accept", champion="1"), store, tmp_path / "published")

    fetch_files(store, read_live(store, "qa"), tmp_path / "qa")
    assert (tmp_path / "qa/model.safetensors").read_text() == "abc"


def test_a_release_of_an_earlier_version_with_fewer_facts_is_the_same_model(
    finished_run: Any, store: Store, tmp_path: Path
) -> None:
    paths = finished_run.write("abc")
    candidate = open_candidate(*(paths[name] for name in ("checkpoint", "evaluation", "verdict", "model_card")))
    old = {name: value for name, value in to_mapping(candidate.facts).items() if name not in ("data", "anchors")}
    publish(store, "qa", files={"weights": paths["checkpoint"] / "log.jsonl"}, facts=old, expected=None)

    version = _publish(finished_run.write("abc", decision="accept", champion="1"), store, tmp_path / "published")

    assert (version, versions(store, "qa")) == ("1", ["1"])


def test_a_better_model_becomes_the_next_version(finished_run: Any, store: Store, tmp_path: Path) -> None:
    _publish(finished_run.write("abc"), store, tmp_path / "published")

    version = _publish(finished_run.write("def", decision="accept", champion="1"), store, tmp_path / "published")

    assert (version, read_live(store, "qa").parent) == ("2", "1")


def test_where_a_person_is_asked_the_model_waits(
    finished_run: Any, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _publish(finished_run.write("abc"), store, tmp_path / "published")

    with caplog.at_level("INFO"):
        version = _propose(finished_run.write("def", decision="accept", champion="1"), store, tmp_path / "published")

    assert (version, read_live(store, "qa").version, waiting_versions(store, "qa")) == ("2", "1", ["2"])
    assert RELEASE.open(tmp_path / "published").facts.state == "candidate"
    command = f"podtune approve qa 2 --store {store.uri}"
    assert caplog.messages == [f"qa 2 waits for approval in {store.uri}: {command}"]
    fetch_files(store, read_release(store, "qa", "2"), tmp_path / "qa")
    assert (tmp_path / "qa/model.safetensors").read_text() == "def"


def test_a_model_that_waits_makes_no_new_version_whatever_it_is_compared_with(
    finished_run: Any, store: Store, tmp_path: Path
) -> None:
    versions_made = [
        _propose(finished_run.write("abc"), store, tmp_path / "published"),
        _propose(finished_run.write("abc", seconds=2.5), store, tmp_path / "published"),
        _publish(finished_run.write("def"), store, tmp_path / "published"),
        _propose(finished_run.write("abc", decision="accept", champion="2"), store, tmp_path / "published"),
    ]

    assert (versions_made, waiting_versions(store, "qa")) == (["1", "1", "2", "1"], ["1"])


def test_another_gate_makes_another_candidate(finished_run: Any, store: Store, tmp_path: Path) -> None:
    versions_made = [
        _propose(finished_run.write("abc", gate="metric: f1"), store, tmp_path / "published"),
        _propose(finished_run.write("abc", gate="metric: f1, tolerance: 2.0"), store, tmp_path / "published"),
    ]

    assert (versions_made, waiting_versions(store, "qa")) == (["1", "2"], ["1", "2"])


def test_the_model_that_is_live_does_not_wait(finished_run: Any, store: Store, tmp_path: Path) -> None:
    _publish(finished_run.write("abc"), store, tmp_path / "published")

    version = _propose(finished_run.write("abc", decision="accept", champion="1"), store, tmp_path / "published")

    assert (version, waiting_versions(store, "qa")) == ("1", [])
    assert RELEASE.open(tmp_path / "published").facts.state == "live"


def test_who_stops_asking_releases_what_waited(finished_run: Any, store: Store, tmp_path: Path) -> None:
    _propose(finished_run.write("abc"), store, tmp_path / "published")

    assert _publish(finished_run.write("abc"), store, tmp_path / "published") == "2"

    assert read_live(store, "qa").version == "2"


def test_a_refused_model_does_not_wait(finished_run: Any, store: Store, tmp_path: Path) -> None:
    with pytest.raises(GateRefused):
        _propose(finished_run.write("abc", decision="refuse", reasons=["no"]), store, tmp_path / "published")

    assert [*store.keys("releases/"), *store.keys("blobs/")] == []


def test_a_refused_model_is_not_released(finished_run: Any, store: Store, tmp_path: Path) -> None:
    paths = finished_run.write("abc", decision="refuse", reasons=["f1 is 50.0; the floor is 60.0", "and worse"])

    with pytest.raises(GateRefused) as raised:
        _publish(paths, store, tmp_path / "published")

    assert str(raised.value) == "qa is not released: f1 is 50.0; the floor is 60.0"
    assert live_version(store, "qa") is None
    assert not (tmp_path / "published").exists()


def test_a_model_whose_champion_was_replaced_meanwhile_lost_the_race(
    finished_run: Any, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "other").write_text("another model")
    publish(store, "qa", files={"model.safetensors": tmp_path / "other"}, facts={}, expected=None)

    with pytest.raises(LostRace, match=r"version 1 of qa is live in .* compared with nothing; run again"):
        _publish(finished_run.write("abc"), store, tmp_path / "published")

    assert not (tmp_path / "published").exists()


def test_a_damaged_champion_does_not_keep_its_successor_out(finished_run: Any, store: Store, tmp_path: Path) -> None:
    _publish(finished_run.write("abc"), store, tmp_path / "published")
    (tmp_path / "store/releases/qa/versions/1/manifest.json").write_text("{")

    version = _publish(finished_run.write("def", decision="accept", champion="1"), store, tmp_path / "published")

    assert version == "2"


@pytest.mark.parametrize(
    ("exchanged", "line"),
    [
        ("checkpoint", "holds scores of a different checkpoint than .*checkpoint; evaluate it first"),
        ("evaluation", "judges a different evaluation than .*evaluation; compare it first"),
        ("model_card", "describes a different verdict than .*verdict; write the card first"),
    ],
)
def test_what_was_not_made_from_the_others_is_refused(
    finished_run: Any, store: Store, tmp_path: Path, exchanged: str, line: str
) -> None:
    paths = finished_run.write("abc")
    other = type(finished_run)(tmp_path / "other").write("def", reasons=["another"])
    if exchanged == "evaluation":
        paths["checkpoint"] = other["checkpoint"]

    with pytest.raises(BadInput, match=line):
        _publish({**paths, exchanged: other[exchanged]}, store, tmp_path / "published")

    assert live_version(store, "qa") is None


def test_a_corrupted_checkpoint_is_not_released(finished_run: Any, store: Store, tmp_path: Path) -> None:
    paths = finished_run.write("abc")
    (paths["checkpoint"] / "model/model.safetensors").write_text("abd")

    with pytest.raises(BadInput, match=r"model.safetensors is corrupted"):
        _publish(paths, store, tmp_path / "published")


@pytest.mark.local
def test_the_step_runs_without_kfp(finished_run: Any, store: Store, tmp_path: Path) -> None:
    (tmp_path / "release.yaml").write_text("name: qa\n")
    options = {f"--{name.replace('_', '-')}": path for name, path in finished_run.write("abc").items()}
    options.update({"--published": tmp_path / "published", "--release": tmp_path / "release.yaml"})
    options["--scores"] = options.pop("--evaluation")
    arguments = [str(part) for option in options.items() for part in option]

    ended = subprocess.run(
        [sys.executable, "-m", "podtune", "publish", *arguments, "--store", store.uri],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stderr == f"qa 1 is live in {store.uri}\n"
    assert json.loads((tmp_path / "published/manifest.json").read_text())["facts"]["version"] == "1"


def test_how_a_run_ended_is_noted_where_somebody_is_told(
    finished_run: Any, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(run_name: str, *, notify: bool = True, approval: str = "automatic", **written: Any) -> None:
        monkeypatch.setenv("PODTUNE_RUN", run_name)
        paths = finished_run.write("abc", **written)
        artifacts = {"scores" if name == "evaluation" else name: path for name, path in paths.items()}
        release = {**SETTINGS, "notify": notify, "approval": approval}
        run(**artifacts, published=tmp_path / run_name, release=release, store=store.uri)

    end("asked", approval="manual")
    end("first")
    end("second")
    end("untold", notify=False)
    with pytest.raises(GateRefused):
        end("third", decision="refuse", reasons=["f1 is 88.50, below its floor of 90.00"])

    scores = {"f1": Metric(88.5, 80.25, 95.0)}
    assert find_outcome(store, "qa", "asked") == Outcome("waiting", "every floor is reached", "1", scores)
    assert find_outcome(store, "qa", "first") == Outcome("released", "every floor is reached", "2", scores)
    assert find_outcome(store, "qa", "second") == Outcome("skipped", "version 2 is the same model", "2", scores)
    assert find_outcome(store, "qa", "untold") is None
    refused = Outcome("refused", "f1 is 88.50, below its floor of 90.00", None, scores)
    assert find_outcome(store, "qa", "third") == refused


def refuse(finished_run: Any, store: Store, published: Path, **written: Any) -> str:
    with pytest.raises(GateRefused) as refused:
        _publish(finished_run.write("abc", decision="refuse", reasons=["f1 is worse"], **written), store, published)
    return str(refused.value)


def test_a_refusal_is_put_on_record(finished_run: Any, store: Store, tmp_path: Path) -> None:
    said = refuse(finished_run, store, tmp_path / "published")

    (record,) = refusals(store, "qa").values()
    assert record is not None
    assert said == "qa is not released: f1 is worse"
    assert asdict(replace(record, derivation="", time="")) == {
        "derivation": "",
        "time": "",
        "reason": "f1 is worse",
        "metrics": {"f1": {"value": 88.5, "low": 80.25, "high": 95.0}},
        "live": None,
        "anchor": None,
        "gate": {"metric": "f1"},
        "readable": True,
    }
    made_of = Ingredients(
        features="f" * 64,
        base_model="b" * 64,
        code="an unknown version",
        device="cpu",
        sections={"training": {"epochs": 1}, "evaluation": {}},
    )
    assert record.derivation == made_of.derivation
    assert names(store) == []


def test_the_same_refusal_again_says_so(finished_run: Any, store: Store, tmp_path: Path) -> None:
    for seconds in (1.5, 2.5):
        said = refuse(finished_run, store, tmp_path / "published", seconds=seconds)

    (record,) = refusals(store, "qa").values()
    assert record is not None
    again = f"(as at {record.time}: nothing it depends on has changed)"
    assert said == f"qa is not released: f1 is worse {again}"


def test_a_refusal_because_scores_could_not_be_read_stands_for_nothing(
    finished_run: Any, store: Store, tmp_path: Path
) -> None:
    refuse(finished_run, store, tmp_path / "published", champion="3")

    (record,) = refusals(store, "qa").values()
    assert record is not None
    assert (record.live, record.readable) == ("3", False)
    assert record.why({"metric": "f1"}, "3") == ""


def test_a_record_holds_no_secret(finished_run: Any, store: Store, tmp_path: Path) -> None:
    paths = finished_run.write("abc", decision="refuse", reasons=["see https://me:CANARY7Q4F1D@host/x?k=CANARY7Q4F1D"])

    with pytest.raises(GateRefused):
        _publish(paths, store, tmp_path / "published")

    (key,) = store.keys("refusals/")
    assert b"CANARY7Q4F1D" not in (store.read(key) or b"")
