from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune.sources.git_lfs import refuse_pointer

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def test_a_pointer_is_called_that(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text(POINTER)

    with pytest.raises(BadInput) as refused:
        refuse_pointer(tmp_path / "weights", "model.safetensors of hf://me/mine")

    assert str(refused.value) == (
        "model.safetensors of hf://me/mine is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`"
    )


@pytest.mark.parametrize("content", ["", "version 2", "{}"])
def test_other_files_pass(tmp_path: Path, content: str) -> None:
    (tmp_path / "file").write_text(content)

    refuse_pointer(tmp_path / "file", "file")
