"""Which images a pipeline names."""

import os
import subprocess
import sys
from typing import List

import pytest
from podtune.errors import BadInput
from podtune.image_names import image_of, registry_of


def test_without_a_registry_the_images_are_this_machines_own() -> None:
    assert registry_of("") == "localhost/podtune"


@pytest.mark.parametrize("given", ["localhost/podtune", "registry.example.org:5000/team/podtune", "example-org"])
def test_a_registry_stands_before_the_names(given: str) -> None:
    assert registry_of(given) == given


@pytest.mark.parametrize("given", ["https://registry.example.org", "example.org/", "example.org/Team", "a b", "a/b:1"])
def test_what_no_registry_is_called_is_refused(given: str) -> None:
    with pytest.raises(BadInput, match="PODTUNE_REGISTRY must be a registry and a folder"):
        registry_of(given)


def test_the_environment_names_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODTUNE_REGISTRY", "example.org/team")

    names = [image_of(device).rsplit(":", 1)[0] for device in ("cpu", "ipu")]

    assert names == ["example.org/team/python-cpu", "example.org/team/python-ipu"]


@pytest.mark.local
@pytest.mark.parametrize("program", [["podtune.image_names", "cpu"], ["podtune", "finetune_on_ipu", "--help"]])
def test_a_wrong_registry_is_no_traceback(program: List[str]) -> None:
    environment = {**os.environ, "PODTUNE_REGISTRY": "https://example.org"}

    ended = subprocess.run(
        [sys.executable, "-m", *program], env=environment, check=False, capture_output=True, text=True
    )

    assert "Traceback" not in ended.stderr
    assert ended.returncode == (0 if "--help" in program else 2)
