import json
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput
from podtune.formats.evaluation import Metric
from podtune.steps.compare.evaluated import Champion, Unreadable, find_champion, open_evaluated
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.releases import blob_key, publish


def test_nothing_is_live_at_first(store: DirectoryStore) -> None:
    assert find_champion(store, "qa", "f1") is None


def test_the_live_release_brings_its_scores(store: DirectoryStore, release: Any, make_evaluation: Any) -> None:
    release(make_evaluation("old", [10.0]))
    release(make_evaluation("champion", [50.0, 100.0]), expected="1")

    champion = find_champion(store, "qa", "f1")

    assert isinstance(champion, Champion)
    assert champion.version == "2"
    assert champion.evaluated.scores == {"a": 50.0, "b": 100.0}
    assert champion.evaluated.metrics == {"f1": 75.0}
    assert champion.evaluated.checkpoint == "champion"


def test_a_champion_scored_by_another_metric_has_no_scores(
    store: DirectoryStore, release: Any, make_evaluation: Any
) -> None:
    release(make_evaluation("champion", [50.0]))

    champion = find_champion(store, "qa", "accuracy")

    assert isinstance(champion, Champion)
    assert champion.evaluated.scores == {}


def unreadable(store: DirectoryStore) -> str:
    found = find_champion(store, "qa", "f1")
    assert isinstance(found, Unreadable)
    assert found.version == "1"
    assert "\n" not in found.why
    return found.why


def test_a_corrupted_blob_makes_it_unreadable(store: DirectoryStore, release: Any, make_evaluation: Any) -> None:
    manifest = release(make_evaluation("champion", [50.0]))
    key = blob_key(manifest.files["evaluation/examples.jsonl"])
    path = Path(store.uri, key)
    path.write_bytes(path.read_bytes().replace(b"50.0", b"99.0"))

    assert f"{key} in {store.uri} is corrupted" in unreadable(store)


def test_a_missing_blob_makes_it_unreadable(store: DirectoryStore, release: Any, make_evaluation: Any) -> None:
    manifest = release(make_evaluation("champion", [50.0]))
    store.delete(blob_key(manifest.files["evaluation/examples.jsonl"]))

    assert "there is no blobs/sha256/" in unreadable(store)


def test_a_damaged_manifest_makes_it_unreadable(store: DirectoryStore, release: Any, make_evaluation: Any) -> None:
    release(make_evaluation("champion", [50.0]))
    Path(store.uri, "releases/qa/versions/1/manifest.json").write_text("{")

    assert "releases/qa/versions/1/manifest.json" in unreadable(store)


def test_an_evaluation_of_an_unknown_format_makes_it_unreadable(
    store: DirectoryStore, release: Any, make_evaluation: Any
) -> None:
    evaluation = make_evaluation("champion", [50.0])
    manifest = evaluation / "manifest.json"
    content = {name: value for name, value in json.loads(manifest.read_text()).items() if name != "sha256"}
    manifest.write_text(json.dumps({**content, "version": 9}))
    release(evaluation)

    assert unreadable(store) == "evaluation holds evaluation of version 9; this podtune reads version 1"


def test_scores_that_are_no_numbers_make_it_unreadable(
    store: DirectoryStore, release: Any, make_evaluation: Any
) -> None:
    facts = {"metrics": {"f1": {"value": 1.0, "low": 1.0, "high": 1.0}}}
    release(make_evaluation("champion", [50.0, float("nan")], **facts))

    assert unreadable(store) == "evaluation/examples.jsonl line 2: f1 is nan, not finite; evaluate the model again"


def test_a_release_without_an_evaluation_is_unreadable(store: DirectoryStore, release: Any, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    publish(store, "qa", files={"config.json": tmp_path / "config.json"}, facts={}, expected=None)

    assert unreadable(store).endswith("has no files below evaluation/")


def test_a_damaged_pointer_is_an_error_that_says_what_to_do(store: DirectoryStore) -> None:
    pointer = Path(store.uri, "releases/qa/live/1.json")
    pointer.parent.mkdir(parents=True)
    pointer.write_text("{}")

    with pytest.raises(BadInput, match=r"live/1\.json in .* is damaged; delete it and roll back to a version$"):
        find_champion(store, "qa", "f1")


@pytest.mark.parametrize("value", [50.001, 90.0, float("1e300")])
def test_a_metric_that_is_not_the_mean_of_its_examples_is_refused(make_evaluation: Any, value: float) -> None:
    path = make_evaluation("changed", [0.0, 100.0], metrics={"f1": Metric(value, 0.0, 100.0)})

    with pytest.raises(BadInput) as refusal:
        open_evaluated(path, "f1")

    assert str(refusal.value) == (
        f"the f1 in {path}/manifest.json is {value}; the mean over examples.jsonl beside it is 50.0; "
        "evaluate the model again"
    )


def test_a_metric_over_the_whole_need_not_be_a_mean(make_evaluation: Any) -> None:
    metrics = {"f1": Metric(50.0, 0.0, 100.0), "bleu_4": Metric(12.0, 0.0, 100.0)}

    assert open_evaluated(make_evaluation("bleu", [0.0, 100.0], metrics=metrics), "f1").metrics["bleu_4"] == 12.0


def test_groups_are_read_where_an_evaluation_has_them(make_evaluation: Any) -> None:
    path = make_evaluation("grouped", [50.0, 100.0, 75.0], grouped_by="article", groups=2, numbers=[0, 1, 0])

    groups = open_evaluated(path, "f1").groups

    assert groups.name == "article"
    assert groups.numbers is not None
    assert groups.numbers.tolist() == [0, 1, 0]
    assert open_evaluated(make_evaluation("earlier", [50.0]), "f1").groups.name == ""


@pytest.mark.parametrize("number", [None, "a", 1.5, True, 2**70])
def test_a_group_that_is_no_number_is_named(make_evaluation: Any, number: Any) -> None:
    path = make_evaluation("grouped", [50.0, 100.0], grouped_by="article", numbers=[0, number])

    with pytest.raises(BadInput, match=r"examples\.jsonl line 2: group must be a whole number; got "):
        open_evaluated(path, "f1")
