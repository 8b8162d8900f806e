import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import pytest
import typer
from inputs.digests import digests
from podtune.formats.evaluation import Metric
from podtune.formats.release import ModelFacts, ReleaseManifest
from podtune.sections import to_mapping
from podtune.stores.opening import open_store
from podtune.stores.releases import publish
from podtune.stores.store import Store
from podtune_pipelines.cli.main import main
from podtune_pipelines.cli.predict import predict
from typer.testing import CliRunner


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def release(tmp_path: Path, store: Store) -> Callable[..., ReleaseManifest]:
    """A function (f1, expected) that publishes the model qa with such a score, or proposes it."""

    def publish_model(f1: float, expected: Any, how: Callable[..., ReleaseManifest] = publish) -> ReleaseManifest:
        weights = tmp_path / "weights"
        weights.write_text(f"weights of {f1}")
        facts = ModelFacts("question-answering", "c", "e", 12_000, {"f1": Metric(f1, f1 - 1, f1 + 1)}, {})
        files = {"model.safetensors": weights, "config.json": weights}
        return how(store, "qa", files=files, facts=to_mapping(facts), expected=expected)

    return publish_model


@pytest.fixture
def invoke(store: Store) -> Callable[..., Any]:
    """A function (command, *arguments) that runs a command on the store and returns its result."""

    def run(command: Callable[..., None], *arguments: object) -> Any:
        app = typer.Typer()
        app.command()(command)
        given = [*map(str, arguments), "--store", store.uri]
        return CliRunner().invoke(app, given, catch_exceptions=False)

    return run


@pytest.fixture
def ask() -> Callable[..., str]:
    """A function (*arguments, given) that runs `podtune predict` with such a stdin and returns what it prints."""

    def run(*arguments: object, given: bytes = b"") -> str:
        app = typer.Typer()
        app.command()(predict)
        words = [str(argument) for argument in arguments]
        result = CliRunner().invoke(app, words, input=given, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: object
    out: str
    err: str


@dataclass(frozen=True)
class OnCluster:
    """Runs commands against the fake cluster."""

    host: str
    monkeypatch: pytest.MonkeyPatch
    capfd: Any

    def __call__(self, *arguments: str) -> Ended:
        self.monkeypatch.setattr(sys, "argv", ["podtune", *arguments])
        self.capfd.readouterr()
        try:
            main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
        return Ended(code, *self.capfd.readouterr())


@pytest.fixture
def podtune(fake_kfp: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> OnCluster:
    """A function (*arguments) that runs `podtune` against the fake cluster, with a store, a workspace and images."""
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", fake_kfp.host)
    monkeypatch.setenv("PODTUNE_REGISTRY", "registry.example.org/team")
    (tmp_path / "digests.json").write_text(json.dumps(digests()))
    monkeypatch.setenv("PODTUNE_IMAGES", str(tmp_path / "digests.json"))
    monkeypatch.setenv("PODTUNE_STORE", "s3://models/podtune")
    monkeypatch.setenv("PODTUNE_WORKSPACE", "s3://models/training")
    return OnCluster(fake_kfp.host, monkeypatch, capfd)
