import sys
from typing import Dict, List

import pytest
from podtune.errors import BadInput, Interrupted, PodtuneError, TryAgainLater
from podtune.training import torchrun

TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)


@pytest.mark.parametrize(
    ("device", "variables", "command"),
    [
        ("cpu", {}, []),
        ("gpu", {}, [*TORCHRUN, "--standalone", "--nproc-per-node", "4"]),
        ("gpu", {"WORLD_SIZE": "4"}, []),
        ("gpu", {"PET_NNODES": "2"}, TORCHRUN),
        ("gpu", {"PET_NNODES": "1"}, TORCHRUN),
        ("cpu", {"PET_NNODES": "2"}, TORCHRUN),
        ("gpu", {"PET_NNODES": "2", "WORLD_SIZE": "8"}, []),
    ],
)
def test_torchruns_own_variables_go_before_this_machines_gpus(
    device: str, variables: Dict[str, str], command: List[str], gpus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert torchrun.launcher(device) == command


def test_an_end_without_a_message_is_a_lost_node_where_there_are_several(monkeypatch: pytest.MonkeyPatch) -> None:
    assert torchrun.silent_end() is None

    monkeypatch.setenv("PET_NNODES", "1")
    assert torchrun.silent_end() is None

    monkeypatch.setenv("PET_NNODES", "2")
    assert isinstance(torchrun.silent_end(), TryAgainLater)


def test_what_nobody_expected_leaves_a_message_under_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError), torchrun.leaving_a_message():
        raise ZeroDivisionError("division by zero")

    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(PodtuneError) as raised, torchrun.leaving_a_message():
        raise ZeroDivisionError("division by zero")

    assert (str(raised.value), raised.value.exit_code) == ("ZeroDivisionError: division by zero; the log says where", 1)


@pytest.mark.parametrize("error", [BadInput("no"), Interrupted("stopped"), OSError(28, "No space left on device")])
def test_what_is_expected_stays_what_it_is(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")

    with pytest.raises(type(error)) as raised, torchrun.leaving_a_message():
        raise error

    assert raised.value is error
