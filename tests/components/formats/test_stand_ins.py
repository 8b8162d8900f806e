from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune.formats.pictures import DamagedPicture, open_picture
from podtune.formats.stand_ins import refuse_stand_in

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
IS_POINTER = "is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`"
IS_PAGE = "is a web page, such as a refusal, not the file itself; fetch the file again"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (POINTER, IS_POINTER),
        ("<!doctype html><html>Access denied</html>", IS_PAGE),
        ("\ufeff\r\n<!DOCTYPE HTML>", IS_PAGE),
        ("\n<HTML lang=de>", IS_PAGE),
        ('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', IS_PAGE),
    ],
)
def test_what_stands_in_for_a_file_is_called_what_it_is(tmp_path: Path, content: str, what: str) -> None:
    (tmp_path / "weights").write_text(content, encoding="utf-8")

    with pytest.raises(BadInput) as refused:
        refuse_stand_in(tmp_path / "weights", "model.safetensors of hf://me/mine")

    assert str(refused.value) == f"model.safetensors of hf://me/mine {what}"
    with pytest.raises(DamagedPicture) as damaged:
        open_picture(content.encode())
    assert str(damaged.value) == f"it {what}"


@pytest.mark.parametrize("content", ["", "version 2", "{}", "<image>\t640", '<?xml version="1.0"?><svg/>'])
def test_other_files_pass(tmp_path: Path, content: str) -> None:
    (tmp_path / "file").write_text(content)

    refuse_stand_in(tmp_path / "file", "file")
