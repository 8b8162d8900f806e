"""What every image's Dockerfile promises, also those whose base the tests cannot have."""

import re
from pathlib import Path
from typing import Dict, List

import pytest

IMAGES = Path(__file__).parents[2] / "images"
DOCKERFILES = {path.parent.name: path.read_text(encoding="utf-8") for path in IMAGES.glob("*/Dockerfile")}


def instructions(text: str) -> List[str]:
    """A Dockerfile's instructions, each on one line."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [line for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line]


def values(text: str, instruction: str) -> List[str]:
    return [line.split(maxsplit=1)[1] for line in instructions(text) if line.split()[0] == instruction]


def test_there_is_an_image_for_each_device() -> None:
    assert sorted(DOCKERFILES) == ["cpu", "gpu", "ipu"]


BASES: Dict[str, str] = {
    "cpu": "python:3.11-slim-bookworm",
    "gpu": "python:3.11-slim-bookworm",
    "ipu": "graphcore/pytorch:3.3.0-ubuntu-20.04-20230703",
}


@pytest.mark.parametrize("device", BASES)
def test_the_base_is_pinned_and_an_argument_replaces_it(device: str) -> None:
    text = DOCKERFILES[device]

    assert instructions(text)[:2] == [f"ARG BASE={BASES[device]}", "FROM ${BASE}"]


@pytest.mark.parametrize("device", BASES)
def test_a_step_runs_as_a_numbered_user_and_by_its_own_command(device: str) -> None:
    text = DOCKERFILES[device]

    assert values(text, "USER")[-1] == "10001:0"
    assert values(text, "ENTRYPOINT") == ["[]"]


@pytest.mark.parametrize("device", BASES)
def test_nothing_is_resolved_and_our_wheel_comes_last(device: str) -> None:
    installing = [run for run in values(DOCKERFILES[device], "RUN") if " install " in run]

    assert len(installing) == 2
    assert all("--no-deps" in run for run in installing)
    assert "requirements.lock" in installing[0]
    assert "--no-index /wheels/*.whl" in installing[1]


@pytest.mark.parametrize("device", BASES)
def test_only_locks_are_copied_and_nothing_is_installed_by_apt(device: str) -> None:
    text = DOCKERFILES[device]

    assert all(re.match(r"images/\w+/requirements\.lock /opt/podtune/", copied) for copied in values(text, "COPY"))
    assert "ADD" not in {line.split()[0] for line in instructions(text)}
    assert not re.search(r"\b(apt|apt-get|gcc|make|curl)\b", "\n".join(instructions(text)))
