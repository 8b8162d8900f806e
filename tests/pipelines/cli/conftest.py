from pathlib import Path
from typing import Any, Callable

import pytest
import typer
from podtune.formats.evaluation import Metric
from podtune.formats.release import ModelFacts, ReleaseManifest
from podtune.sections import to_mapping
from podtune.stores.releases import publish
from podtune.stores.store import Store, open_store
from podtune_pipelines.cli.predict import predict
from typer.testing import CliRunner


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def release(tmp_path: Path, store: Store) -> Callable[..., ReleaseManifest]:
    """A function (f1, expected) that publishes the model qa with such a score."""

    def publish_model(f1: float, expected: Any) -> ReleaseManifest:
        weights = tmp_path / "weights"
        weights.write_text(f"weights of {f1}")
        facts = ModelFacts("question-answering", "c", "e", 12_000, {"f1": Metric(f1, f1 - 1, f1 + 1)}, {})
        files = {"model.safetensors": weights, "config.json": weights}
        return publish(store, "qa", files=files, facts=to_mapping(facts), expected=expected)

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
    """A function (*arguments) that runs `podtune predict` and returns what it prints."""

    def run(*arguments: object) -> str:
        app = typer.Typer()
        app.command()(predict)
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run
