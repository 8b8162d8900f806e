from pathlib import Path
from typing import Any, List, NoReturn

import pytest
from podtune import __main__ as program
from podtune.errors import BadInput, TryAgainLater
from podtune.formats.evaluation import EVALUATION, read_examples
from podtune.formats.profile import SplitProfile
from podtune.formats.sealed import open_sealed
from podtune.formats.verdict import VERDICT, ChangedExample, Changes, Difference
from podtune.steps.compare.step import run
from podtune.stores.directory_store import DirectoryStore

RELEASE = {"name": "qa"}


def files_below(directory: Path) -> List[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def compare(evaluation: Path, store: DirectoryStore, **gate: Any) -> Any:
    """Run the step and read its verdict."""
    output = evaluation.parent / "verdict"
    run(evaluation, output, gate={"metric": "f1", **gate}, release=RELEASE, store=store.uri)
    return VERDICT.open(output).facts


def test_a_first_model_is_accepted_twice_with_the_same_verdict(
    store: DirectoryStore, make_evaluation: Any, tmp_path: Path
) -> None:
    new = make_evaluation("new", [80.0, 90.0])
    digest = open_sealed(new, "evaluation", 1).digest

    for _ in range(2):
        verdict = compare(new, store, floors={"f1": 70.0})

        assert files_below(tmp_path / "verdict") == ["manifest.json"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "verdict"]
        assert (verdict.decision, verdict.champion, verdict.evaluation) == ("accept-first", None, digest)
        assert (verdict.champion_metrics, verdict.difference) == ({}, {})
        assert verdict.reasons == [
            "there is no live release to compare with",
            "f1 is 85.00, at or above its floor of 70.00",
        ]
        assert verdict.settings == {
            "metric": "f1",
            "floors": {"f1": 70.0},
            "other_data": "refuse",
            "too_few": "refuse",
            "most_data_change": 0.3,
        }


def test_a_worse_model_gets_a_refusal_and_no_error(store: DirectoryStore, release: Any, make_evaluation: Any) -> None:
    release(make_evaluation("champion", [90.0, 100.0] * 60))

    verdict = compare(make_evaluation("new", [80.0, 90.0] * 60), store)

    assert (verdict.decision, verdict.champion) == ("refuse", "1")
    assert verdict.champion_metrics == {"f1": 95.0}
    assert verdict.difference == pytest.approx({"value": -10.0, "low": -12.14, "high": -7.53}, abs=0.01)
    assert (verdict.finding, verdict.examples, verdict.grouped_by) == ("worse", 120, "")


def test_the_verdict_has_what_a_reader_wants_to_know(store: DirectoryStore, release: Any, make_evaluation: Any) -> None:
    release(make_evaluation("champion", [90.0, 0.0]))

    verdict = compare(make_evaluation("new", [90.0, 100.0]), store)

    assert verdict.differences == {"f1": Difference(45.0, 50.0, -100.0, 100.0)}
    assert (verdict.better, verdict.worse) == (Changes(1, [ChangedExample("b", "")]), Changes())
    assert verdict.history == []  # the test's releases say nothing of their metrics


def test_the_verdict_has_the_profile_of_the_live_releases_data(
    store: DirectoryStore, release: Any, make_evaluation: Any
) -> None:
    profile = {"train": SplitProfile(1000, 200, [1, 20, 50, 90, 99], [], 3, 300, 10)}
    release(make_evaluation("champion", [90.0, 0.0], profile=profile))

    assert compare(make_evaluation("new", [90.0, 100.0]), store).champion_profile == profile


def test_the_live_version_is_named_also_where_it_cannot_be_read(
    store: DirectoryStore, release: Any, make_evaluation: Any
) -> None:
    release(make_evaluation("champion", [90.0], examples=2))

    verdict = compare(make_evaluation("new", [95.0]), store)

    assert (verdict.decision, verdict.champion, verdict.champion_metrics) == ("refuse", "1", {})
    assert "has 1 examples; its manifest says 2" in verdict.reasons[0]


def test_a_metric_that_was_not_scored_is_named_with_those_that_were(
    store: DirectoryStore, make_evaluation: Any, tmp_path: Path
) -> None:
    new = make_evaluation("new", [80.0])

    with pytest.raises(BadInput, match=r"^gate\.metric must be a metric of the evaluation in .*: f1; got 'accuracy'$"):
        compare(new, store, metric="accuracy")
    with pytest.raises(BadInput, match=r"^gate\.floors\.bleu must be a metric of .*: f1; got 'bleu'$"):
        compare(new, store, floors={"bleu": 1.0})
    assert not (tmp_path / "verdict").exists()


CAPTIONING = {
    "metrics": {
        name: {"value": value, "low": value, "high": value}
        for name, value in (("bleu_4", 20.0), ("cider", 1.5), ("rouge_l", 40.0))
    }
}


def test_a_metric_that_is_one_number_over_all_examples_cannot_be_compared(
    store: DirectoryStore, make_evaluation: Any, tmp_path: Path
) -> None:
    new = make_evaluation("new", [1.0, 2.0], metric="cider", **CAPTIONING)

    with pytest.raises(BadInput) as caught:
        compare(new, store, metric="bleu_4")

    assert str(caught.value) == (
        f"gate.metric must be one that each example of {new} is scored by, so that two models can be paired: cider; "
        "bleu_4 is one number over all of them, for which gate.floors can set a floor"
    )
    assert not (tmp_path / "verdict").exists()


def test_a_floor_may_stand_under_a_metric_that_is_one_number_over_all(
    store: DirectoryStore, make_evaluation: Any
) -> None:
    new = make_evaluation("new", [1.0, 2.0], metric="cider", **CAPTIONING)

    verdict = compare(new, store, metric="cider", floors={"bleu_4": 21.0})

    assert verdict.decision == "refuse"
    assert verdict.reasons[0] == "bleu_4 is 20.00, below its floor of 21.00"


def test_a_floor_under_meteor_where_it_was_not_scored_tells_what_to_do(
    store: DirectoryStore, make_evaluation: Any, tmp_path: Path
) -> None:
    new = make_evaluation("new", [1.0, 2.0], metric="cider", **CAPTIONING)

    with pytest.raises(BadInput) as caught:
        compare(new, store, metric="cider", floors={"meteor": 10.0})

    assert str(caught.value) == (
        f"gate.floors.meteor must be a metric of the evaluation in {new}: bleu_4, cider, rouge_l; got 'meteor', which "
        "is computed only where its Java program is installed: install it where evaluate runs and evaluate again, or "
        "remove the floor"
    )
    assert not (tmp_path / "verdict").exists()


def test_cider_is_compared_in_its_own_unit(store: DirectoryStore, release: Any, make_evaluation: Any) -> None:
    release(make_evaluation("champion", [1.1, 2.1], metric="cider"))

    verdict = compare(
        make_evaluation("new", [1.0, 2.0], metric="cider", **CAPTIONING), store, metric="cider", tolerance=0.05
    )

    assert verdict.decision == "refuse"
    assert verdict.reasons == [
        "cider differs by -0.100 from live version 1 on the same 2 examples (95% interval -0.100 to -0.100): worse "
        "by more than 0.050"
    ]


@pytest.mark.parametrize("line", ["[]", "nothing", '{"scores": 1}'])
def test_scored_examples_that_are_no_objects_are_bad_input(make_evaluation: Any, line: str) -> None:
    evaluation = EVALUATION.open(make_evaluation("new", [1.0]))
    (evaluation.path / "examples.jsonl").write_text(line)

    with pytest.raises(BadInput, match=r"examples\.jsonl line 1 is no scored example; evaluate the model again$"):
        list(read_examples(evaluation))


def test_scores_of_the_new_model_that_are_no_numbers_are_bad_input(store: DirectoryStore, make_evaluation: Any) -> None:
    facts = {"metrics": {"f1": {"value": 1.0, "low": 1.0, "high": 1.0}}}
    new = make_evaluation("new", [float("nan")], **facts)

    with pytest.raises(BadInput, match=r"line 1: f1 is nan, not finite"):
        compare(new, store)


def test_a_store_that_cannot_be_reached_is_no_verdict(
    store: DirectoryStore, make_evaluation: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: Any) -> NoReturn:
        raise TryAgainLater("cannot reach the store")

    monkeypatch.setattr(DirectoryStore, "read", unreachable)

    with pytest.raises(TryAgainLater):
        compare(make_evaluation("new", [80.0]), store)
    assert not (tmp_path / "verdict").exists()


def test_it_runs_without_kfp(
    store: DirectoryStore, make_evaluation: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gate.yaml").write_text("metric: f1\n")
    (tmp_path / "release.yaml").write_text("name: qa\n")
    paths = ["--scores", str(make_evaluation("new", [80.0])), "--verdict", str(tmp_path / "verdict")]
    sections = ["--gate", str(tmp_path / "gate.yaml"), "--release", str(tmp_path / "release.yaml")]
    monkeypatch.setattr("sys.argv", ["podtune", "compare", *paths, *sections, "--store", store.uri])

    program.main()

    assert VERDICT.open(tmp_path / "verdict").facts.decision == "accept-first"
