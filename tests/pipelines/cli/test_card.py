import json
from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune_pipelines.cli.card import card
from typer.testing import CliRunner

BAD = "---\nlicense: mitt\n---\n# A card\n\nMore information needed\x1b[31m\n"


def test_findings_are_printed_with_their_places(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(BAD)

    result = CliRunner().invoke(card, ["check", str(file)])

    assert result.exit_code == 1
    assert (
        f"{file}:6: metadata: a placeholder is left: More information needed[31m [placeholder-left]\n" in result.stdout
    )
    assert "\x1b" not in result.stdout


def test_findings_are_printed_as_json(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(BAD)

    result = CliRunner().invoke(card, ["check", "--json", str(file)])

    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found[0] == {
        "file": str(file),
        "rule": "metadata-missing",
        "severity": "metadata",
        "line": 1,
        "message": "the front matter has no language",
    }
    assert {finding["rule"] for finding in found} == {"metadata-missing", "hub-rules-broken", "placeholder-left"}


def test_several_cards_and_directories_are_checked_at_once(tmp_path: Path, golden_text) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "README.md").write_text(golden_text("write_card/README.md"))
    (tmp_path / "bad.md").write_text(BAD)

    result = CliRunner().invoke(card, ["check", str(tmp_path / "good"), str(tmp_path / "bad.md")])

    assert result.exit_code == 1
    assert result.stderr == f"{tmp_path}/good/README.md: nothing found\n"
    assert all(line.startswith(f"{tmp_path}/bad.md:") for line in result.stdout.splitlines())


def test_a_good_card_is_no_finding_and_exit_code_0(tmp_path: Path, golden_text) -> None:
    file = tmp_path / "README.md"
    file.write_text(golden_text("write_card/README.md"))

    plain, as_json = (CliRunner().invoke(card, ["check", str(file), *options]) for options in ([], ["--json"]))

    assert (plain.exit_code, plain.stdout) == (0, "")
    assert (as_json.exit_code, json.loads(as_json.stdout)) == (0, [])


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    file = tmp_path / "README.md"

    result = CliRunner().invoke(card, ["check", str(file)])

    assert isinstance(result.exception, BadInput)
    assert str(result.exception) == f"cannot read the card {file}: No such file or directory"


@pytest.mark.parametrize("data", [b"\xff\xfe#\x00", b"# caf\xe9"])
def test_another_encoding_is_bad_input(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "README.md"
    file.write_bytes(data)

    result = CliRunner().invoke(card, ["check", str(file)])

    assert isinstance(result.exception, BadInput)
    assert "is not UTF-8" in str(result.exception)
