import json
from pathlib import Path
from typing import Any

import pytest
import typer
from podtune.errors import BadInput
from podtune_pipelines.cli.doctor import doctor
from podtune_pipelines.doctor import checks
from podtune_pipelines.doctor.checks import Check
from podtune_pipelines.doctor.findings import Finding, failed, ok
from podtune_pipelines.placement import Placement
from typer.testing import CliRunner


def run(*arguments: object) -> Any:
    app = typer.Typer()
    app.command()(doctor)
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that sets what the checks find."""

    def find(*found: Finding) -> None:
        monkeypatch.setattr(checks, "checks_of", lambda *plan, **locations: [Check("all", lambda: iter(found))])

    return find


def test_every_finding_is_a_line_with_what_to_do_below(findings: Any) -> None:
    findings(ok("home", "is writable"), failed("KFP", "is away", "bring it back"))

    result = run()

    assert result.stdout == "ok          home: is writable\nfailed      KFP: is away\n            → bring it back\n"
    assert result.exit_code == 1


def test_nothing_that_failed_is_exit_code_0(findings: Any) -> None:
    findings(ok("home", "is writable"), Finding("Hub", "warning", "is away"), Finding("KFP", "not checked", "no host"))

    assert run().exit_code == 0


def test_json_holds_the_same(findings: Any) -> None:
    findings(failed("KFP", "is away", "bring it back"))

    assert json.loads(run("--json").stdout) == [
        {"about": "KFP", "outcome": "failed", "found": "is away", "remedy": "bring it back"}
    ]


def test_an_unknown_device_is_bad_input() -> None:
    with pytest.raises(BadInput, match="--device must be one of cpu, gpu, ipu; got 'tpu'"):
        run("--device", "tpu")


def test_what_is_checked_follows_from_what_is_meant() -> None:
    cpu = checks.checks_of(Placement("cpu"), Path("home"), store="store", workspace="", host="")
    ipu = checks.checks_of(Placement("ipu"), Path("home"), store="store", workspace="s3://w", host="")

    assert [check.about for check in cpu] == [
        "packages",
        "home",
        "processor",
        "GPUs",
        "Hub",
        "store",
        "KFP",
        "Kubernetes",
        "images",
    ]
    assert {check.about for check in ipu} - {check.about for check in cpu} == {"IPUs", "workspace"}


@pytest.mark.local
def test_this_machine_is_examined_without_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", "/nonexistent/kubeconfig")

    result = run("--home", tmp_path, "--store", tmp_path / "store", "--host", "http://127.0.0.1:9", "--json")

    found = {one["about"]: one["outcome"] for one in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert [about for about, outcome in found.items() if outcome == "failed"] == ["KFP"]
    assert found["packages"] == "ok"
