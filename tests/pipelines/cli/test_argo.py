from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from podtune.errors import BadInput
from podtune_pipelines.cli.compile import argo
from typer.testing import CliRunner


def written(directory: Path, *options: str) -> "list[dict[str, Any]]":
    app = typer.Typer()
    app.command()(argo)
    target = directory / "argo" / "workflow.yaml"
    result = CliRunner().invoke(app, ["bert-tiny-squad", "--to", str(target), *options], catch_exceptions=False)
    assert result.stdout == f"{target}\n"
    return list(yaml.safe_load_all(target.read_text(encoding="utf-8")))


def test_a_workflow_template_is_written(tmp_path: Path) -> None:
    documents = written(tmp_path)

    assert [document["kind"] for document in documents] == ["WorkflowTemplate"]


def test_a_schedule_is_written_beside_its_template(tmp_path: Path) -> None:
    documents = written(tmp_path, "--store", "s3://m/r", "--workspace", "s3://m/w", "--cron", "0 3 * * 1")

    assert [document["kind"] for document in documents] == ["WorkflowTemplate", "CronWorkflow"]
    assert documents[0]["metadata"]["name"] == "podtune-bert-tiny-squad-scheduled"


def test_a_schedule_without_places_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^--cron needs --store, --workspace too"):
        written(tmp_path, "--cron", "0 3 * * 1")

    assert not (tmp_path / "argo").exists()
