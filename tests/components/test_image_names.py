"""Which images a pipeline names."""

import subprocess
import sys

import pytest
from podtune.errors import BadInput
from podtune.image_names import registry_of


def test_without_a_registry_the_images_are_this_machines_own() -> None:
    assert registry_of("") == "podtune"


@pytest.mark.parametrize("given", ["localhost/podtune", "registry.example.org:5000/team/podtune", "example-org"])
def test_a_registry_stands_before_the_names(given: str) -> None:
    assert registry_of(given) == given


@pytest.mark.parametrize("given", ["https://registry.example.org", "example.org/", "example.org/Team", "a b", "a/b:1"])
def test_what_no_registry_is_called_is_refused(given: str) -> None:
    with pytest.raises(BadInput, match="PODTUNE_REGISTRY must be a registry and a folder"):
        registry_of(given)


@pytest.mark.local
def test_the_environment_names_the_registry() -> None:
    command = "from podtune import image_names; print(image_names.CPU.rsplit(':')[0], image_names.IPU.rsplit(':')[0])"

    ran = subprocess.run(
        [sys.executable, "-c", command],
        env={"PODTUNE_REGISTRY": "example.org/team"},
        check=True,
        capture_output=True,
        text=True,
    )

    assert ran.stdout == "example.org/team/python-cpu example.org/team/python-ipu\n"
