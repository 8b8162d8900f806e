"""What users do, against moto's, localbucket's and OpenStack Swift's S3 API over real sockets."""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from podtune.errors import BadInput, LostRace
from podtune.formats.evaluation import Metric
from podtune.formats.release import ModelFacts, ReleaseManifest
from podtune.formats.sealed import open_sealed, sealing
from podtune.sections import to_mapping
from podtune.sources.source import open_source
from podtune.stores.fetching import fetch_files, verify_fetched
from podtune.stores.opening import open_store
from podtune.stores.releases import lost_file, publish, read_live, read_release, versions
from podtune.stores.store import Store
from podtune.training.resume import Mirror
from podtune_pipelines.cli.main import app
from typer.testing import CliRunner

pytestmark = pytest.mark.local


@pytest.fixture
def release(tmp_path: Path) -> Callable[..., ReleaseManifest]:
    """A function (store, f1, expected) that publishes the model qa."""

    def publish_model(store: Store, f1: float, expected: Optional[str]) -> ReleaseManifest:
        weights = tmp_path / f"weights {f1}"
        weights.write_text(f"weights of {f1}")
        facts = ModelFacts(
            "question-answering", f"checkpoint {f1}", "e", 12_000, {"f1": Metric(f1, f1 - 1, f1 + 1)}, {}
        )
        files = {"model.safetensors": weights, "evaluation/manifest.json": weights}
        return publish(store, "qa", files=files, facts=to_mapping(facts), expected=expected)

    return publish_model


def podtune(*arguments: object) -> str:
    """What a command prints."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_release_is_listed_downloaded_and_rolled_back(s3_uri: str, release: Any, tmp_path: Path) -> None:
    store = open_store(s3_uri)
    release(store, 80.0, None)
    release(store, 81.0, "1")

    listed = json.loads(podtune("releases", "qa", "--store", s3_uri, "--json"))
    podtune("download", "qa", "--store", s3_uri, "--to", tmp_path / "newest")
    said = podtune("rollback", "qa", "--store", s3_uri, "--to", "1")
    podtune("download", "qa", "--store", s3_uri, "--to", tmp_path / "earlier")

    assert [(one["version"], one["live"]) for one in listed] == [("1", False), ("2", True)]
    assert (tmp_path / "newest/model.safetensors").read_text() == "weights of 81.0"
    assert said == "qa 1 is live; previously live: 2\n"
    assert (tmp_path / "earlier/model.safetensors").read_text() == "weights of 80.0"


def test_a_release_that_was_changed_in_the_bucket_does_not_land(s3_uri: str, release: Any, tmp_path: Path) -> None:
    store = open_store(s3_uri)
    manifest = release(store, 80.0, None)
    (tmp_path / "changed").write_text("weights of 99.9")
    store.upload(tmp_path / "changed", f"blobs/sha256/{manifest.files['model.safetensors'].sha256}")

    with pytest.raises(BadInput, match=r"^blobs/sha256/\w+ in s3://models/\w+ is corrupted; run its recipe once more"):
        fetch_files(store, manifest, tmp_path / "to")

    assert not (tmp_path / "to").exists()


def test_a_large_file_comes_back_as_it_was(s3_uri: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 80_000
    (tmp_path / "large").write_bytes(content)

    open_store(s3_uri).upload(tmp_path / "large", "large")
    open_store(s3_uri).download("large", tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == content


def test_uploads_with_a_checksum_are_taken(s3_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
    (tmp_path / "file").write_text("abc")

    open_store(s3_uri).upload(tmp_path / "file", "file")

    assert open_store(s3_uri).read("file") == b"abc"


def test_a_checkpoint_is_shared(s3_uri: str, tmp_path: Path) -> None:
    with sealing(tmp_path / "step-5", "training-state", 1) as draft:
        (draft.path / "weights").write_text("w")
    Mirror(open_store(s3_uri), "run").hold({5: tmp_path / "step-5"})
    Mirror(open_store(s3_uri), "run").hold({5: tmp_path / "step-5", 10: tmp_path / "step-5"})

    Mirror(open_store(s3_uri), "run").hold({10: tmp_path / "step-5"})
    Mirror(open_store(s3_uri), "run").download(10, tmp_path / "elsewhere")

    assert Mirror(open_store(s3_uri), "run").steps() == [10]
    assert open_sealed(tmp_path / "elsewhere", "training-state", 1) == open_sealed(
        tmp_path / "step-5", "training-state", 1
    )


def test_data_is_fetched(s3_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODTUNE_CACHE", str(tmp_path / "cache"))
    open_store(s3_uri).create("squad/train.json", b"hello")

    open_source(f"{s3_uri}/squad").bring("train.json", tmp_path / "train.json", None)

    assert open_source(f"{s3_uri}/squad").names() == ["train.json"]
    assert (tmp_path / "train.json").read_bytes() == b"hello"


def test_a_bucket_that_is_not_there_is_named(s3_server: Any) -> None:
    with pytest.raises(BadInput, match=r"^cannot list s3://absent/: there is no such bucket; create it"):
        list(open_store("s3://absent").keys(""))


@pytest.mark.parametrize("variable", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
def test_wrong_credentials_are_bad_input(swift_server: Any, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    swift_server.use(monkeypatch)
    monkeypatch.setenv(variable, "wrong")

    with pytest.raises(BadInput) as raised:
        open_store("s3://models").read("a")

    expected = "cannot read s3://models/a: the store does not accept the credentials (SignatureDoesNotMatch "
    assert str(raised.value).startswith(expected)
    assert str(raised.value).endswith("; renew them")


def test_publishers_that_race_leave_whole_releases(s3_uri: str, release: Any, tmp_path: Path) -> None:
    store = open_store(s3_uri)
    release(store, 0.0, None)

    def attempt(number: int) -> None:
        with contextlib.suppress(LostRace):
            release(store, float(number), "1")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, range(1, 9)))

    live = read_live(store, "qa")
    fetch_files(store, live, tmp_path / "to")
    verify_fetched(tmp_path / "to", live)
    assert (tmp_path / "to/model.safetensors").read_text() in {f"weights of {number}.0" for number in range(1, 9)}
    assert {lost_file(store, read_release(store, "qa", version)) for version in versions(store, "qa")} == {None}
    assert list(store.keys("releases/qa/live/")) == ["releases/qa/live/1.json", "releases/qa/live/2.json"]
