import hashlib
import json
import sys
from pathlib import Path

import pytest
import torch
from inputs.detector import SMALL, draw_weights
from podtune.detector.settings import DetectorConfig
from podtune.sections import to_mapping
from podtune_pipelines.cli.main import main

CONFIG = DetectorConfig(**SMALL)


def convert(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> object:
    """Run the command; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["podtune", "convert-detector", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_it_says_what_it_wrote_and_how_to_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(draw_weights(CONFIG), tmp_path / "pytorch_model.bin")
    (tmp_path / "detector").mkdir()
    (tmp_path / "detector" / "config.json").write_text(json.dumps(to_mapping(CONFIG)))
    monkeypatch.chdir(tmp_path)

    code = convert(monkeypatch, "pytorch_model.bin")

    digest = hashlib.sha256((tmp_path / "detector" / "model.safetensors").read_bytes()).hexdigest()
    assert code == 0
    assert capsys.readouterr().out.splitlines() == [
        f"wrote detector/model.safetensors, SHA-256 {digest}",
        "use it with `podtune predict --detector detector`, and in a recipe as source.splits",
        f"  train.detector: {tmp_path}/detector/model.safetensors",
    ]


def test_a_wrong_file_ends_it_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = convert(monkeypatch, tmp_path / "nothing.pth", "--to", tmp_path / "detector")

    assert code == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: {tmp_path}/nothing.pth is no file; it should be the detector's published pytorch_model.bin"
    ]
