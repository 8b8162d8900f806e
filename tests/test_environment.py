"""The table of environment variables, held to the documentation and to what the code reads."""

import re
from pathlib import Path
from typing import Iterator

import pytest
from podtune import environment
from podtune.environment import Variable

ROOT = Path(__file__).parent.parent
VARIABLES = [value for value in vars(environment).values() if isinstance(value, Variable)]


def _names_in(*paths: Path) -> "set[str]":
    return {name for path in paths for name in re.findall(r"PODTUNE_[A-Z0-9_]*[A-Z0-9]", path.read_text("utf-8"))}


def _sources() -> Iterator[Path]:
    for root in ("components", "pipelines"):
        yield from sorted((ROOT / root).rglob("*.py"))


def test_the_code_knows_no_other_variable() -> None:
    assert _names_in(*_sources()) == {variable.name for variable in VARIABLES if variable.name.startswith("PODTUNE_")}


def test_the_documentation_has_the_same_table() -> None:
    rows = [f"| `{variable.name}` | {variable.reader} | {variable.purpose} |" for variable in VARIABLES]

    assert re.findall(r"^\| `[A-Z].*$", (ROOT / "docs" / "environment.md").read_text("utf-8"), re.MULTILINE) == rows


def test_no_document_or_manifest_names_another() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    configured = [*(ROOT / "manifests").rglob("*.yaml"), *(ROOT / "images").rglob("Dockerfile")]

    assert _names_in(*documents, *configured) <= {variable.name for variable in VARIABLES}


def test_a_variable_that_is_not_set_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PODTUNE_CACHE", raising=False)

    assert not environment.CACHE.value()
