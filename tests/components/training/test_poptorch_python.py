"""Which Python a step for IPUs runs in."""

import sys
from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune.training.step_process import poptorch_python


@pytest.fixture
def with_poptorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "poptorch.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.fixture
def without_poptorch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests may have brought PopTorch's Python layer into this process."""
    monkeypatch.delitem(sys.modules, "poptorch", raising=False)
    monkeypatch.setattr(
        sys, "meta_path", [finder for finder in sys.meta_path if "poptorch" not in type(finder).__module__]
    )


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_other_devices_use_this_python(device: str) -> None:
    assert poptorch_python(device) is None


@pytest.mark.usefixtures("with_poptorch")
def test_a_python_with_poptorch_is_used_itself() -> None:
    assert poptorch_python("ipu") is None


@pytest.mark.usefixtures("without_poptorch")
def test_the_named_python_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODTUNE_IPU_PYTHON", sys.executable)

    assert poptorch_python("ipu") == sys.executable


@pytest.mark.usefixtures("without_poptorch")
@pytest.mark.parametrize(
    ("value", "state"),
    [("", "PODTUNE_IPU_PYTHON is not set"), ("/no/python3.8", "PODTUNE_IPU_PYTHON is '/no/python3.8'")],
)
def test_without_poptorch_anywhere_the_user_reads_what_to_set(
    monkeypatch: pytest.MonkeyPatch, value: str, state: str
) -> None:
    monkeypatch.setenv("PODTUNE_IPU_PYTHON", value)

    with pytest.raises(BadInput, match=f"this Python has no PopTorch.*with podtune installed in it; {state}"):
        poptorch_python("ipu")
