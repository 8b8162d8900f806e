"""Every command in the documentation is one that exists, with options that it takes, and the tutorial's are run."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest
import typer.main
from podtune.errors import PodtuneError
from podtune.samples.squad import write_squad
from podtune.steps.table import STEPS
from podtune.tasks.question_answering import squad
from podtune_pipelines.cli.main import app
from podtune_pipelines.packaged import packaged_recipes
from podtune_pipelines.recipe import load_recipe
from podtune_pipelines.recipe_settings import all_settings

ROOT = Path(__file__).parent.parent
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("docs/*.md")),
    ROOT / "manifests" / "README.md",
    ROOT / "tests" / "cluster" / "README.md",
]
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
OPEN_KEYS = ("source.splits.", "source.sha256.", "gate.floors.", "card.reference.metrics.")
"""Mappings whose keys are a user's own."""

RECIPES = {path.stem for path in packaged_recipes()}


def commands() -> Iterator[Tuple[str, List[str]]]:
    """The page and the words of every command in a block of shell, without assignments before it."""
    for page in PAGES:
        for block in BLOCK.finditer(page.read_text("utf-8")):
            if block["language"] in ("", "sh"):
                for line in block["text"].replace("\\\n", " ").splitlines():
                    yield from ((page.name, words) for words in _simple_commands(line))


def _simple_commands(line: str) -> Iterator[List[str]]:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # a quote over several lines
        return
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    ends = [number for number, word in enumerate(words) if word in (">", "|", "&&", "&")]
    if words:
        yield [word for word in words[: min(ends, default=len(words))] if word != "…"]


def of(program: str) -> List[Any]:
    found = [(page, words[1:]) for page, words in commands() if words and Path(words[0]).name == program]
    return [pytest.param(*one, id=f"{one[0]}: {' '.join(one[1])[:60]}") for one in found]


@pytest.mark.parametrize(("page", "words"), of("podtune"))
def test_a_command_is_one_that_podtune_takes(page: str, words: List[str]) -> None:
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        if words[0].startswith("-"):
            return
        assert words[0] in command.commands, f"{page}: podtune {words}"
        command, words = command.commands[words[0]], words[1:]
    given = command.make_context("podtune", list(words)).params

    changes = given.get("changes") or []
    keys = {change.partition("=")[0] for change in changes}
    assert {key for key in keys if not key.startswith(OPEN_KEYS)} <= {one.key for one in all_settings()}
    recipe = given.get("recipe", "")
    if recipe in RECIPES:
        load_recipe(recipe, changes)
    else:
        assert not recipe or recipe.endswith(".yaml") or recipe == recipe.upper()


@pytest.mark.parametrize(("page", "words"), of("make"))
def test_a_target_is_one_that_make_has(page: str, words: List[str]) -> None:
    targets = set(re.findall(r"^([\w./%-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    for word in words:
        known = word in targets or re.fullmatch("image-(cpu|gpu|ipu)", word) or "=" in word
        assert known, f"{page}: make {word}"


@pytest.mark.parametrize(("page", "words"), of("python"))
def test_a_program_or_step_is_there(page: str, words: List[str]) -> None:
    if words[:2] == ["-m", "podtune"]:
        assert words[2] in {*STEPS, "--help", "STEP"}, page
    else:
        assert (ROOT / words[0]).is_file(), page


@pytest.mark.parametrize(("page", "words"), of("kubectl"))
def test_manifests_that_are_applied_are_there(page: str, words: List[str]) -> None:
    if words[0] == "apply" and words[-1].startswith("manifests/"):
        assert words[1:3] == ["--server-side", "-k"], f"{page}: without it kubectl warns of what was there before"
        assert (ROOT / words[3]).is_dir(), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)\)", page.read_text("utf-8"))

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")

    assert [page.name for page in ROOT.glob("docs/*.md") if f"({page.name})" not in index] == ["README.md"]


def test_every_recipe_is_in_the_readme() -> None:
    table = re.findall(r"^\| (`.+?`(?:, `.+?`)*) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)

    assert {name for row in table for name in re.findall("`(.+?)`", row)} == RECIPES


def test_the_table_of_squads_forms_is_the_readers_own() -> None:
    table = [line for line in (squad.__doc__ or "").splitlines() if line.startswith("|")]

    assert len(table) == 11
    assert "\n".join(table) in (ROOT / "docs" / "your-data.md").read_text("utf-8")


TROUBLES = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
CODE = [path for root in ("components", "pipelines") for path in (ROOT / root).rglob("*.py")]


@pytest.mark.parametrize("message", re.findall(r"^\| `(.+?)` \|", TROUBLES, re.MULTILINE))
def test_a_message_that_is_explained_is_one_that_podtune_has(message: str) -> None:
    assert any(message in path.read_text("utf-8") for path in CODE)


def test_every_exit_code_is_explained() -> None:
    kinds = [PodtuneError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    explained = {
        int(code) for row in re.findall(r"^\| ([\d, ]+) \|", TROUBLES, re.MULTILINE) for code in row.split(",")
    }

    assert {kind.exit_code for kind in kinds} | {0, 129, 130} == explained


@pytest.mark.local
def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "my-data").mkdir()
    write_squad(tmp_path / "my-data", seed=3, train=64, validation=16, version="1.1")
    text = (ROOT / "docs" / "your-data.md").read_text("utf-8")
    script = "\n".join(block["text"] for block in BLOCK.finditer(text) if block["language"] == "sh")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    ended = subprocess.run(
        ["bash", "-ec", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr
    assert "try version 1 is live in" in ended.stdout
    assert load_recipe(str(tmp_path / "mine.yaml")) == load_recipe("minilm-squad")
