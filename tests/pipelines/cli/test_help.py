"""Every --help is rendered at 80 columns, where each summary is one short clause on a line of its own."""

import re
from typing import Any, Iterator, Tuple

import pytest
import typer.main
from podtune_pipelines.cli.main import app
from typer.testing import CliRunner


def commands(group: Any, path: Tuple[str, ...] = ()) -> Iterator[Tuple[str, ...]]:
    """The words of every command, the groups among them."""
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


COMMANDS = sorted(commands(typer.main.get_command(app)))


def help_of(path: Tuple[str, ...]) -> str:
    ended = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).invoke(app, [*path, "--help"])
    assert ended.exit_code == 0
    return ended.output


def test_all_commands_are_there() -> None:
    assert len(COMMANDS) == 31


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_nothing_is_cut_at_80_columns(path: Tuple[str, ...]) -> None:
    text = help_of(path)

    assert "..." not in re.sub(r"(\[(ARGS|OPTIONS)\]|{?CARD}?)\.\.\.|'[^']*'", "", text)
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_summary_is_one_clause(path: Tuple[str, ...]) -> None:
    summary = next(line.strip() for line in help_of(path).splitlines()[1:] if line.strip())

    assert summary[0].isupper()
    assert summary.endswith(".")
    assert ";" not in summary
