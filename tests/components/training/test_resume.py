import dataclasses
import resource
from pathlib import Path
from typing import Callable, Iterator

import boto3
import pytest
from moto import mock_aws
from podtune.errors import BadInput, TryAgainLater, from_os_error
from podtune.formats.checkpoint import CheckpointFacts
from podtune.sections import to_mapping
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.lease import this_process
from podtune.stores.opening import open_store
from podtune.training.config import TrainingConfig
from podtune.training.resume import (
    Mirror,
    Progress,
    States,
    directory_name,
    forget_states,
    open_states,
    run_key,
    step_of,
)

LINE = {"step": 2, "loss": 0.1}


def content(text: str) -> Callable[[Path], object]:
    return lambda directory: (directory / "weights").write_text(text)


@pytest.fixture
def states(tmp_path: Path) -> States:
    return States(tmp_path / "run", keep=2)


@pytest.fixture
def config() -> TrainingConfig:
    return TrainingConfig(epochs=1, batch_size=2, learning_rate=1e-5)


@pytest.fixture
def two(states: States) -> States:
    states.save(Progress(step=5), [], content("five"))
    states.save(Progress(step=10, loss_sum=0.1 + 0.2, losses=[1e-300]), [LINE], content("ten"))
    return states


def names(directory: Path) -> "list[str]":
    return sorted(path.name for path in directory.iterdir())


def test_nothing_is_found_in_an_empty_workspace(states: States) -> None:
    assert states.newest() == 0


def test_a_checkpoint_holds_all_that_a_run_continues_from(two: States) -> None:
    saved = two.open(two.newest())

    assert saved.progress == Progress(step=10, loss_sum=0.30000000000000004, losses=[1e-300])
    assert saved.lines == [LINE]
    assert (saved.engine / "weights").read_text() == "ten"
    assert names(two.directory / "step-00000010") == ["engine", "log.jsonl", "manifest.json"]


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "manifest", "no manifest"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    two: States, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    weights, manifest = two.directory / "step-00000010/engine/weights", two.directory / "step-00000010/manifest.json"
    {
        "flip": lambda: weights.write_text("tem"),
        "truncate": lambda: weights.write_text("te"),
        "remove": weights.unlink,
        "manifest": lambda: manifest.write_text("{"),
        "no manifest": manifest.unlink,
    }[damage]()

    assert two.newest() == 5
    assert (
        f"cannot continue from step 10, trying the checkpoint before it: {two.directory}/step-00000010" in caplog.text
    )
    assert names(two.directory) == ["step-00000005"]


def test_where_all_are_damaged_a_run_starts_anew(two: States, caplog: pytest.LogCaptureFixture) -> None:
    for name in names(two.directory):
        (two.directory / name / "engine" / "weights").unlink()

    assert two.newest() == 0
    assert len(caplog.records) == 2


def test_a_checkpoint_without_its_best_weights_is_not_used(two: States) -> None:
    two.save(dataclasses.replace(Progress(step=15), best_step=10), [], content("fifteen"))
    (two.directory / "step-00000010" / "engine" / "weights").unlink()

    assert two.newest() == 0


def test_a_save_that_fails_leaves_the_others(two: States) -> None:
    def failing(directory: Path) -> None:
        (directory / "weights").write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        two.save(Progress(step=15), [], failing)

    assert names(two.directory) == ["step-00000005", "step-00000010"]
    assert two.newest() == 10


def test_what_a_killed_process_left_is_removed(two: States) -> None:
    (two.directory / ".step-00000015.x1y2.partial" / "engine").mkdir(parents=True)
    (two.directory / ".step-00000001.old").mkdir()

    assert two.newest() == 10
    assert names(two.directory) == ["step-00000005", "step-00000010"]


def test_a_full_disk_leaves_the_others_and_can_be_tried_again(two: States) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="too large") as raised:
            two.save(Progress(step=15), [], content("x" * 2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert isinstance(from_os_error(raised.value), TryAgainLater)
    assert names(two.directory) == ["step-00000005", "step-00000010"]
    assert two.newest() == 10


def test_clearing_forgets_the_run(two: States) -> None:
    two.clear()

    assert not two.directory.exists()
    assert two.newest() == 0


def test_a_key_is_of_features_model_and_settings() -> None:
    config = TrainingConfig(epochs=1, batch_size=2, learning_rate=1e-5)
    others = [
        run_key("f", "m", config),
        run_key("g", "m", config),
        run_key("f", "n", config),
        run_key("f", "m", dataclasses.replace(config, seed=43)),
    ]

    assert len(set(others)) == 4
    assert run_key("f", "m", config) == others[0]
    saved_otherwise = dataclasses.replace(config, checkpoint_minutes=1, checkpoint_every=7, keep_checkpoints=9)
    assert run_key("f", "m", saved_otherwise) == others[0]


def test_a_directory_is_a_workspace_itself(tmp_path: Path) -> None:
    states = open_states(str(tmp_path / "workspace"), "key", keep=1, local=tmp_path / "near")

    states.save(Progress(step=5), [], content("five"))

    assert names(tmp_path / "workspace" / "key") == ["step-00000005"]
    assert not (tmp_path / "near").exists()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket in this process, without a socket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="training")
        yield "training"


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[str], States]:
    """Open the same run's checkpoints from a machine of the given name, over one shared store."""

    def open_from(name: str) -> States:
        return States(tmp_path / name / "near", 2, Mirror(open_store(str(tmp_path / "store")), "key"))

    return open_from


def save_and_share(states: States, progress: Progress, text: str) -> None:
    states.save(progress, [LINE], content(text))
    states.share()


def stored(tmp_path: Path) -> "list[str]":
    return sorted(path.relative_to(tmp_path / "store").as_posix() for path in (tmp_path / "store").rglob("weights"))


def test_another_machine_continues_from_the_store(machine: Callable[[str], States]) -> None:
    save_and_share(machine("first"), Progress(step=5), "five")

    fresh = machine("second")

    assert fresh.newest() == 5
    assert fresh.open(5).lines == [LINE]
    assert (fresh.open(5).engine / "weights").read_text() == "five"


def test_the_store_holds_what_the_machine_holds(tmp_path: Path, machine: Callable[[str], States]) -> None:
    first = machine("first")
    for step in (5, 10, 15):
        save_and_share(first, Progress(step=step, best_step=5 if step > 5 else 0), str(step))

    assert stored(tmp_path) == [f"key/step-000000{step}/engine/weights" for step in ("05", "10", "15")]

    save_and_share(first, Progress(step=20, best_step=15), "20")

    assert stored(tmp_path) == [f"key/step-000000{step}/engine/weights" for step in ("05", "15", "20")]

    first.clear()

    assert stored(tmp_path) == []


def test_the_best_weights_come_along(machine: Callable[[str], States]) -> None:
    first = machine("first")
    for step in (5, 10, 15, 20):
        save_and_share(first, Progress(step=step, best_step=5 if step > 5 else 0), str(step))

    fresh = machine("second")

    assert fresh.newest() == 20
    assert (fresh.open(5).engine / "weights").read_text() == "5"
    assert names(fresh.directory) == ["step-00000005", "step-00000020"]


def test_an_upload_that_was_cut_is_not_there(tmp_path: Path, machine: Callable[[str], States]) -> None:
    first = machine("first")
    save_and_share(first, Progress(step=5), "five")
    save_and_share(first, Progress(step=10), "ten")
    (tmp_path / "store/key/step-00000010/manifest.json").unlink()

    assert machine("second").newest() == 5


def test_a_damaged_object_is_named_and_the_checkpoint_before_is_used(
    tmp_path: Path, machine: Callable[[str], States], caplog: pytest.LogCaptureFixture
) -> None:
    first = machine("first")
    save_and_share(first, Progress(step=5), "five")
    save_and_share(first, Progress(step=10), "ten")
    (tmp_path / "store/key/step-00000010/engine/weights").write_text("tem")

    assert machine("second").newest() == 5
    assert "cannot continue from step 10" in caplog.text
    assert "weights in" in caplog.text
    assert "is corrupted" in caplog.text


def test_what_another_machine_wrote_at_the_same_step_is_replaced(
    tmp_path: Path, machine: Callable[[str], States]
) -> None:
    save_and_share(machine("first"), Progress(step=5), "five")
    save_and_share(machine("second"), Progress(step=5), "other")

    assert (tmp_path / "store/key/step-00000005/engine/weights").read_text() == "other"


def test_a_bucket_is_a_workspace(bucket: str, tmp_path: Path) -> None:
    first = open_states(f"s3://{bucket}/runs", "key", keep=1, local=tmp_path / "first")
    for step in (5, 10):
        save_and_share(first, Progress(step=step), str(step))

    fresh = open_states(f"s3://{bucket}/runs", "key", keep=1, local=tmp_path / "second")

    assert fresh.newest() == 10
    assert (fresh.open(10).engine / "weights").read_text() == "10"
    assert list(open_store(f"s3://{bucket}").keys("")) == [
        "runs/key/step-00000010/engine/weights",
        "runs/key/step-00000010/log.jsonl",
        "runs/key/step-00000010/manifest.json",
    ]


def test_a_failed_upload_is_made_up_for_by_the_next(tmp_path: Path, machine: Callable[[str], States]) -> None:
    first = machine("first")
    store = tmp_path / "store"
    store.mkdir()
    store.joinpath("key").write_text("in the way")
    with pytest.raises(BadInput, match="a file is in its way"):
        save_and_share(first, Progress(step=5), "five")
    Path(store / "key").unlink()

    save_and_share(first, Progress(step=10), "ten")

    assert stored(tmp_path) == ["key/step-00000005/engine/weights", "key/step-00000010/engine/weights"]


def facts_of(training: TrainingConfig) -> CheckpointFacts:
    return CheckpointFacts("", "f", "m", to_mapping(training), 5, 5, 5, 5, 0.5, 1.0, 0, {}, {})


def test_a_run_whose_artifact_is_stored_is_forgotten(
    bucket: str, tmp_path: Path, config: TrainingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    key = run_key("f", "m", config)
    for workspace in (f"s3://{bucket}/runs", str(tmp_path / "runs")):
        mine, other = (open_states(workspace, name, keep=1, local=tmp_path / name) for name in (key, "other"))
        for states in (mine, other):
            save_and_share(states, Progress(step=5), "five")

        forget_states(workspace, facts_of(config))

        assert open_states(workspace, key, keep=1, local=tmp_path / "fresh").newest() == 0
        assert open_states(workspace, "other", keep=1, local=tmp_path / "fresh").newest() == 5
    assert caplog.messages == []


@pytest.mark.parametrize("workspace", ["s3://training/runs", "runs"])
def test_states_that_another_process_uses_are_not_forgotten(
    bucket: str, tmp_path: Path, config: TrainingConfig, caplog: pytest.LogCaptureFixture, workspace: str
) -> None:
    where = workspace if "://" in workspace else str(tmp_path / workspace)
    states = open_states(where, run_key("f", "m", config), keep=1, local=tmp_path / "near")
    with states.held(lambda: False) as stopping:
        save_and_share(states, Progress(step=5), "five")
        forget_states(where, facts_of(config))

        assert (states.newest(), stopping()) == (5, False)

    assert caplog.messages == [
        f"the states of this training stay in {where}: this training is under way in {this_process()}; "
        "start again when it has ended"
    ]
    forget_states(where, facts_of(config))
    assert open_states(where, run_key("f", "m", config), keep=1, local=tmp_path / "fresh").newest() == 0


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "here" / "engine").mkdir(parents=True)
    (tmp_path / "here" / "manifest.json").write_text("{}")
    (tmp_path / "here" / "engine" / "weights").write_text("w")
    return tmp_path / "here"


def test_names_sort_like_steps() -> None:
    assert [directory_name(step) for step in (5, 58_936)] == ["step-00000005", "step-00058936"]
    assert step_of("step-00058936") == 58_936


def test_other_runs_are_left_alone(store: DirectoryStore, checkpoint: Path) -> None:
    Mirror(store, "one").hold({5: checkpoint})
    Mirror(store, "other").hold({10: checkpoint})

    Mirror(store, "one").hold({})

    assert Mirror(store, "one").steps() == []
    assert Mirror(store, "other").steps() == [10]


def test_a_checkpoint_without_its_manifest_is_not_there(store: DirectoryStore, checkpoint: Path) -> None:
    Mirror(store, "run").hold({5: checkpoint})
    store.delete("run/step-00000005/manifest.json")

    assert Mirror(store, "run").steps() == []


def test_what_is_there_is_not_uploaded_again(store: DirectoryStore, checkpoint: Path) -> None:
    Mirror(store, "run").hold({5: checkpoint})
    (checkpoint / "engine" / "weights").write_text("other")

    Mirror(store, "run").hold({5: checkpoint})

    assert store.read("run/step-00000005/engine/weights") == b"w"


def test_a_checkpoint_that_another_machine_shared_is_fetched(machine: Callable[[str], States]) -> None:
    save_and_share(machine("first"), Progress(step=5), "five")
    other = machine("second")

    other.fetch(5)

    assert (other.open(5).engine / "weights").read_text() == "five"


def test_what_this_machine_has_of_another_attempt_at_that_step_is_replaced(machine: Callable[[str], States]) -> None:
    other = machine("second")
    save_and_share(other, Progress(step=5), "an attempt")
    save_and_share(machine("first"), Progress(step=5), "the newest")

    other.fetch(5)

    assert (other.open(5).engine / "weights").read_text() == "the newest"


def test_machines_that_share_no_directory_are_told_what_they_need(tmp_path: Path) -> None:
    states = open_states(str(tmp_path / "workspace"), "key", 2, tmp_path / "near")

    with pytest.raises(BadInput, match=r"has no checkpoint of step 5, which another machine wrote; machines that"):
        states.fetch(5)
