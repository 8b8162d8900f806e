import json
from pathlib import Path
from typing import List

import pytest
from podtune.errors import TryAgainLater
from podtune.formats.release import RELEASE
from podtune_pipelines.home import Home, local_runs, nobody_running, remove, sweep, unneeded

OLD, NEW = "podtune-qa-2026-01-02-03-04-05-678901", "podtune-qa-2026-01-03-00-00-00-000001"
PREPARED = "podtune-qa-preparation-2026-01-04-00-00-00-000001"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two runs of a recipe, of which the first was released and the second ended in training, and a preparation."""
    home = Home(tmp_path / "home")
    for run, step, output in (
        (OLD, "fetch-data", "raw_data"),
        (OLD, "compare", "verdict"),
        (NEW, "fetch-data", "raw_data"),
        (NEW, "finetune", "checkpoint"),
        (PREPARED, "tokenize-squad", "prepared_data"),
    ):
        (home.runs / run / step / output).mkdir(parents=True)
        (home.runs / run / step / output / "data").write_bytes(b"12345")
    with RELEASE.sealing(home.runs / OLD / "publish" / "published") as draft:
        draft.facts.update(store="store", name="qa", version="7", digest="d")
    (home.workspace / "0123456789abcdef").mkdir(parents=True)
    home.results.directory.mkdir()
    (home.results.directory / "x.partial").write_text("")
    return home


def remember(home: Home, *artifacts: Path) -> None:
    """Record artifacts as results that later runs reuse."""
    outputs = {str(number): {"path": str(path), "digest": "d"} for number, path in enumerate(artifacts)}
    (home.results.directory / "entry.json").write_text(json.dumps({"outputs": outputs, "seal": "s"}))


def paths(home: Home, **also: bool) -> List[str]:
    found = unneeded(home, **{"results": False, "states": False, **also})
    return [one.path.relative_to(home.directory).as_posix() for one in found]


def half_made(home: Home) -> List[Path]:
    """What killed steps leave: a draft beside an artifact, one that it replaced, a file."""
    step = home.runs / NEW / "finetune"
    (step / ".checkpoint.x.partial" / "model").mkdir(parents=True)
    (step / ".checkpoint.y.old").mkdir()
    (step / ".report.partial").write_text("half")
    return sorted(step.glob(".*"))


def test_what_killed_steps_left_is_swept_by_the_next_run_of_the_recipe(home: Home) -> None:
    left = half_made(home)

    sweep(home, "other")
    assert all(path.exists() for path in left)
    sweep(home, "qa")

    assert not any(path.exists() for path in left)
    assert (home.runs / NEW / "finetune" / "checkpoint" / "data").exists()


def test_what_killed_steps_left_in_a_run_that_stays_may_go(home: Home) -> None:
    left = half_made(home)

    found = [one.path for one in unneeded(home, results=False, states=False) if one.what == "leftover"]

    assert found == [home.results.directory / "x.partial", *left]


def test_runs_are_listed_with_their_ends_the_newest_first(home: Home) -> None:
    assert [(run.recipe, run.started, run.outcome) for run in local_runs(home)] == [
        ("qa", "2026-01-04T00:00:00", "planned"),
        ("qa", "2026-01-03T00:00:00", "ended in finetune"),
        ("qa", "2026-01-02T03:04:05", "released as version 7"),
    ]


def test_the_newest_whole_run_of_a_recipe_that_is_running_is_under_way(home: Home) -> None:
    with home.used_by("qa"):
        outcomes = [run.outcome for run in local_runs(home)]

    assert outcomes == ["planned", "under way", "released as version 7"]


def test_nothing_has_run_in_a_home_that_is_not_there(tmp_path: Path) -> None:
    assert local_runs(Home(tmp_path / "nothing")) == []
    assert unneeded(Home(tmp_path / "nothing"), results=True, states=True) == []


def test_what_no_later_run_reuses_may_go_but_for_the_newest_run(home: Home) -> None:
    assert paths(home) == [f"runs/{OLD}", f"runs/{PREPARED}", "reuse/x.partial"]


def test_a_step_whose_result_is_reused_stays(home: Home) -> None:
    prepared = home.runs / PREPARED / "tokenize-squad" / "prepared_data"
    remember(home, home.runs / OLD / "fetch-data" / "raw_data", prepared)

    assert paths(home) == [f"runs/{OLD}/compare", f"runs/{OLD}/publish", "reuse/x.partial"]


def test_results_and_states_go_where_that_is_asked_for(home: Home) -> None:
    remember(home, home.runs / OLD / "fetch-data" / "raw_data")

    assert paths(home, results=True) == [f"runs/{OLD}", f"runs/{PREPARED}", "reuse/entry.json", "reuse/x.partial"]
    assert "training/0123456789abcdef" in paths(home, states=True)


def test_what_is_removed_is_gone_and_nothing_else(home: Home) -> None:
    remember(home, home.runs / OLD / "fetch-data" / "raw_data")

    remove(unneeded(home, results=False, states=False))

    assert sorted(path.relative_to(home.runs).as_posix() for path in home.runs.rglob("data")) == [
        f"{OLD}/fetch-data/raw_data/data",
        f"{NEW}/fetch-data/raw_data/data",
        f"{NEW}/finetune/checkpoint/data",
    ]
    assert paths(home) == []


def test_nothing_may_go_while_a_recipe_runs(home: Home) -> None:
    with home.used_by("qa"), pytest.raises(TryAgainLater) as raised, nobody_running(home):
        pass

    assert str(raised.value).startswith(f"a run of qa in {home.directory} is under way in process ")


def test_a_model_that_was_fetched_to_be_tried_may_go(home: Home) -> None:
    (home.models / "qa-7").mkdir(parents=True)

    assert "models/qa-7" in paths(home)
