import logging
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput
from podtune.steps.check_store.step import run


def test_a_store_that_takes_releases(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    for _ in range(2):
        run(release={"name": "model"}, store=str(tmp_path / "store"))

    assert caplog.messages == [f"{tmp_path}/store takes releases; no model is there"] * 2


def test_a_bucket_that_does_not_exist_is_refused(bucket: Any) -> None:
    with pytest.raises(BadInput, match=r"there is no such bucket|there is no bucket"):
        run(release={"name": "model"}, store="s3://another/x")


def test_a_store_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")

    with pytest.raises(BadInput, match="must be a directory"):
        run(release={"name": "model"}, store=str(tmp_path / "store"))
