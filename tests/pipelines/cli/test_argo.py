from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from podtune.errors import BadInput
from podtune_pipelines.cli.compile import argo, compile_recipe
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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--device", "tpu"], "--device must be one of cpu, gpu, ipu; got 'tpu'"),
        (["--device", "gpu", "--devices", "0"], "--devices must be at least 1; got 0"),
        (["--devices", "4"], "--devices must be 1 on CPUs; got 4"),
        (
            ["--store", "/tmp/store"],
            "--store (or PODTUNE_STORE) must be an s3:// URI, which the cluster's pods share; got",
        ),
        (
            ["--workspace", "gs://b/w"],
            "--workspace (or PODTUNE_WORKSPACE) must be an s3:// URI, which the cluster's pods",
        ),
    ],
)
@pytest.mark.parametrize("command", [argo, compile_recipe])
def test_what_submit_refuses_is_not_written_either(
    tmp_path: Path, command: Any, options: "list[str]", message: str
) -> None:
    app = typer.Typer()
    app.command()(command)
    target = tmp_path / "workflow.yaml"

    with pytest.raises(BadInput) as raised:
        CliRunner().invoke(app, ["bert-tiny-squad", "--to", str(target), *options], catch_exceptions=False)

    assert message in str(raised.value)
    assert not target.exists()


def test_the_environment_names_the_store_as_for_submit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODTUNE_STORE", "s3://m/r")
    monkeypatch.setenv("PODTUNE_WORKSPACE", "s3://m/w")

    (template,) = written(tmp_path)

    parameters = {one["name"]: one.get("value") for one in template["spec"]["arguments"]["parameters"]}
    assert (parameters["store"], parameters["workspace"]) == ("s3://m/r", "s3://m/w")


def test_a_schedule_without_places_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^--cron needs --store, --workspace too"):
        written(tmp_path, "--cron", "0 3 * * 1")

    assert not (tmp_path / "argo").exists()


@pytest.mark.parametrize("command", [argo, compile_recipe])
def test_the_same_recipe_is_the_same_file_whatever_its_name(tmp_path: Path, command: Any) -> None:
    app = typer.Typer()
    app.command()(command)
    run = CliRunner()

    first, second = (
        run.invoke(app, ["bert-tiny-squad", "--to", str(tmp_path / name)], catch_exceptions=False)
        for name in ("first.txt", "second")
    )
    printed = run.invoke(app, ["bert-tiny-squad", "--to", "-"], catch_exceptions=False)

    assert (first.exit_code, second.exit_code, printed.exit_code) == (0, 0, 0)
    content = (tmp_path / "first.txt").read_text(encoding="utf-8")
    assert content == (tmp_path / "second").read_text(encoding="utf-8") == printed.stdout
    assert next(iter(yaml.safe_load_all(content)))


def test_on_a_full_disk_the_file_that_was_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_files: None
) -> None:
    (tmp_path / "pipeline.yaml").write_text("old")
    monkeypatch.setattr("podtune_pipelines.graphs.compiled_text", lambda *_: "x" * 100_000)

    with pytest.raises(OSError, match="File too large"):
        compile_recipe("bert-tiny-squad", tmp_path / "pipeline.yaml")

    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
