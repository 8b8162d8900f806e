from pathlib import Path
from typing import Any, List

import pytest
from podtune.errors import BadInput
from podtune_pipelines.doctor import machine
from podtune_pipelines.doctor.findings import ok


def test_the_packages_of_this_environment_fit() -> None:
    (found,) = machine.check_packages()

    assert found.outcome == "ok"
    assert found.found.startswith("podtune 0.1.0 on Python 3.11.")


def test_a_package_that_does_not_fit_or_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ["boto3>=900", "absent-package>=1", 'other-absent>=1; extra == "dev"', "numpy>=1"]
    monkeypatch.setattr(machine, "requires", lambda name: needed)

    (found,) = machine.check_packages()

    assert found.outcome == "failed"
    assert found.found.endswith(" but must be >=900; absent-package is missing")
    assert found.found.startswith("boto3 is ")


def test_a_home_that_is_not_there_yet_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(50 << 30))

    found = list(machine.check_home(tmp_path / "a" / "b"))

    assert found == [ok("home", f"{tmp_path}/a/b is writable, 50.0 GiB are free")]
    assert list(tmp_path.iterdir()) == []


def test_a_small_disk_is_worth_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(3 << 30))

    (found,) = machine.check_home(tmp_path)

    assert (found.outcome, found.found) == ("warning", f"{tmp_path} is writable, 3.0 GiB are free")


class Usage:
    def __init__(self, free: int) -> None:
        self.free = free


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInput, match=r"/file is a file; choose another directory"):
        list(machine.check_home(tmp_path / "file"))


def test_the_processor_is_described() -> None:
    (found,) = machine.check_processor()

    assert found.outcome == "ok"
    assert " cores, " in found.found


@pytest.mark.parametrize(
    ("asked", "elsewhere", "outcomes"),
    [(False, False, []), (True, True, ["not checked"]), (True, False, ["failed"])],
)
def test_a_missing_gpu_matters_where_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: bool, elsewhere: bool, outcomes: List[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)

    assert [found.outcome for found in machine.check_gpus(asked, elsewhere)] == outcomes


def test_gpus_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Properties:
        name, total_memory = "NVIDIA H100", 79 << 30

    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda number: Properties)

    found = list(machine.check_gpus(required=False, elsewhere=False))

    assert found == [ok("GPUs", "NVIDIA H100 with 79 GiB, NVIDIA H100 with 79 GiB")]


def test_without_poptorch_ipus_fail_here_and_are_open_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PODTUNE_IPU_PYTHON", raising=False)

    assert [found.outcome for found in machine.check_ipus(elsewhere=True)] == ["not checked"]
    with pytest.raises(BadInput, match="PODTUNE_IPU_PYTHON is not set"):
        list(machine.check_ipus(elsewhere=False))


@pytest.mark.local
@pytest.mark.parametrize(("says", "outcome"), [("True", "ok"), ("False", "failed")])
def test_ipus_are_as_poptorch_says(programs: Any, monkeypatch: pytest.MonkeyPatch, says: str, outcome: str) -> None:
    programs("python3.8", f"echo {says}")
    monkeypatch.setenv("PODTUNE_IPU_PYTHON", "python3.8")

    assert [found.outcome for found in machine.check_ipus(elsewhere=False)] == [outcome]
