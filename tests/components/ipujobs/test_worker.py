import logging
from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune.formats.sealed import sealing
from podtune.ipujobs.work import Work
from podtune.ipujobs.worker import run
from podtune.stores.opening import open_store
from podtune.stores.sealed_objects import send


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(
        step="finetune",
        inputs={"prepared_data": str(tmp_path / "features")},
        output="checkpoint",
        arguments={"training": {}, "device": "cpu"},
        location=str(tmp_path / "job"),
    )


def test_what_is_there_already_is_not_made_again(work: Work, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with sealing(tmp_path / "checkpoint", "checkpoint", 1) as draft:
        (draft.path / "weights").write_text("abc")
    send(open_store(work.location), "output/", tmp_path / "checkpoint")

    run(work, tmp_path / "scratch")

    assert caplog.messages == [f"{work.location}/output/ is there already"]
    assert not (tmp_path / "scratch").exists()


def test_an_input_that_is_not_there_is_named(work: Work, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"/features holds no artifact: it has no manifest\.json$"):
        run(work, tmp_path / "scratch")
