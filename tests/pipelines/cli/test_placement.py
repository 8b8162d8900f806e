from pathlib import Path
from typing import Any, List

import pytest
import typer
import yaml
from podtune.errors import BadInput
from podtune_pipelines.cli.compile import argo, compile_recipe
from podtune_pipelines.cli.main import app
from podtune_pipelines.cli.schedule import schedule
from podtune_pipelines.pods.placement_file import load_pods
from typer.testing import CliRunner


def compiled(command: Any, *options: str) -> List[Any]:
    one = typer.Typer()
    one.command()(command)
    ended = CliRunner().invoke(one, ["bert-tiny-squad", "--to", "-", *options], catch_exceptions=False)
    return list(yaml.safe_load_all(ended.stdout))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text("{all: {nodeSelector: {rack: '7'}}}", encoding="utf-8")
    return path


def test_what_placement_prints_is_read_back(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["placement"], catch_exceptions=False)
    (tmp_path / "site.yaml").write_text(ended.stdout, encoding="utf-8")

    pods = load_pods(str(tmp_path / "site.yaml"))

    assert pods.of("publish").nodeSelector == {}
    assert pods.of("finetune").nodeSelector == {"kubernetes.io/arch": "amd64"}
    assert pods.account == "podtune-runner"


def test_argo_takes_it(site: Path) -> None:
    (template,) = compiled(argo, "--placement", str(site))

    selectors = [one["nodeSelector"] for one in template["spec"]["templates"] if "container" in one]
    assert selectors == [{"rack": "7"}] * 9


def test_the_environment_names_it_too(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODTUNE_PLACEMENT", str(site))

    _, platform = compiled(compile_recipe)

    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    assert [pod["nodeSelector"] for pod in pods] == [{"labels": {"rack": "7"}}] * 9


def test_a_schedule_of_argo_is_in_the_clusters_zone(site: Path) -> None:
    site.write_text("run: {timeZone: Europe/Berlin}", encoding="utf-8")

    _, cron = compiled(
        argo, "--placement", str(site), "--cron", "0 3 * * 1", "--store", "s3://m/r", "--workspace", "s3://m/w"
    )

    assert cron["spec"]["timezone"] == "Europe/Berlin"


def test_kfp_has_one_zone_for_all(site: Path) -> None:
    site.write_text("run: {timeZone: Europe/Berlin}", encoding="utf-8")
    one = typer.Typer()
    one.command()(schedule)

    with pytest.raises(BadInput, match=r"run\.timeZone: KFP reads a schedule in UTC"):
        CliRunner().invoke(
            one, ["bert-tiny-squad", "--cron", "0 3 * * 1", "--placement", str(site)], catch_exceptions=False
        )


def test_a_compiled_pipeline_names_no_account(site: Path) -> None:
    site.write_text("all: {serviceAccountName: runner}", encoding="utf-8")

    with pytest.raises(BadInput, match=r"all\.serviceAccountName: a compiled pipeline names no account"):
        compiled(compile_recipe, "--placement", str(site))

    (template,) = compiled(argo, "--placement", str(site))
    accounts = {one["serviceAccountName"] for one in template["spec"]["templates"] if "container" in one}
    assert accounts == {"runner"}


def test_the_number_of_devices_is_said_once(site: Path) -> None:
    site.write_text("all: {accelerator: {count: 2}}", encoding="utf-8")

    with pytest.raises(BadInput, match=r"--devices 4 contradicts all.accelerator.count 2 of .*; leave one of them out"):
        compiled(argo, "--device", "gpu", "--devices", "4", "--placement", str(site))


def test_what_an_ipujob_cannot_have_is_refused(site: Path) -> None:
    site.write_text("steps: {evaluate: {accelerator: {count: 2}}}", encoding="utf-8")

    with pytest.raises(BadInput, match=r"site.yaml: steps.evaluate.accelerator: an IPUJob has as many IPUs"):
        compiled(argo, "--device", "ipu", "--placement", str(site))
