"""What GPUs take, with a stand-in for pynvml: no machine of the tests has a GPU."""

import sys
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterator

import pytest
import torch
from podtune.training import energy
from podtune.training.energy import joules_of
from podtune.training.engines.processes import Processes


class NVMLError(Exception):
    """As pynvml's: also for a GPU that is not known, or does not count."""


Nvml = Callable[[Dict[str, Any]], None]


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nvml]:
    """Make a function that installs a pynvml of these GPUs: uuid to its millijoules so far, or to an error."""

    def install(gpus: Dict[str, Any]) -> None:
        def handle(uuid: str) -> str:
            if uuid not in gpus:
                raise NVMLError("Not Found")
            return uuid

        def taken(handle: str) -> int:
            if isinstance(gpus[handle], Exception):
                raise gpus[handle]
            return int(gpus[handle])

        stand_in = SimpleNamespace(
            NVMLError=NVMLError,
            nvmlInit=lambda: None,
            nvmlDeviceGetHandleByUUID=handle,
            nvmlDeviceGetTotalEnergyConsumption=taken,
        )
        monkeypatch.setitem(sys.modules, "pynvml", stand_in)

    energy._handles.cache_clear()
    yield install
    energy._handles.cache_clear()


def test_millijoules_of_all_gpus_are_added(nvml: Nvml) -> None:
    gpus = {"GPU-a": 1_500, "GPU-b": 2_000, "GPU-c": 9_000}
    nvml(gpus)

    assert joules_of(("a", "b")) == 3.5

    gpus["GPU-b"] = 3_000
    assert joules_of(("a", "b")) == 4.5


@pytest.mark.parametrize(
    ("gpus", "uuids"),
    [
        ({"GPU-a": 1_500}, ()),
        ({"GPU-a": 1_500}, ("a", "of-a-part-of-a-gpu")),
        ({"GPU-a": 1_500, "GPU-b": NVMLError("Not Supported")}, ("a", "b")),
    ],
    ids=["no GPU", "one that NVML does not know", "one that does not count"],
)
def test_what_one_does_not_tell_is_not_known(nvml: Nvml, gpus: Dict[str, Any], uuids: Any) -> None:
    nvml(gpus)

    assert joules_of(uuids) is None


def test_without_nvml_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)

    assert joules_of(("a",)) is None


def test_processes_know_the_gpus_of_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace(uuid=f"uuid-{index}"))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")

    assert Processes(0, 2, torch.device("cuda", 0)).uuids == ("uuid-0", "uuid-1")
    assert Processes(0, 4, torch.device("cuda", 0)).uuids == ()
    assert Processes(0, 2, torch.device("cpu")).uuids == ()
