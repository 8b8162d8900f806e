"""What the shell offers after a TAB: typer asks the command for it with these variables."""

from pathlib import Path
from typing import List

import pytest
from podtune_pipelines.cli.main import app
from typer.testing import CliRunner


def offered(line: str) -> List[str]:
    words = line.split(" ")
    variables = {"_PODTUNE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return CliRunner().invoke(app, [], prog_name="podtune", env=variables).stdout.split()


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("podtune plan mini", ["minilm-squad"]),
        ("podtune recipes lxmert-vqa", ["lxmert-vqa-tiny", "lxmert-vqa-uncased"]),
        ("podtune run minilm-squad --device ", ["cpu", "gpu", "ipu"]),
        ("podtune run minilm-squad --set training.batch", ["training.batch_size="]),
        ("podtune settings gate.", ["gate.metric", "gate.floors", "gate.tolerance", "gate.relative_tolerance"]),
    ],
)
def test_names_of_recipes_devices_and_settings_are_offered(line: str, offers: List[str]) -> None:
    assert offered(line)[: len(offers)] == offers


def test_recipe_files_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mine.yaml").touch()
    (tmp_path / "mine.yaml").touch()

    assert offered("podtune plan mine") == ["mine.yaml"]
    assert offered("podtune plan recipes/") == ["recipes/mine.yaml"]
