from typing import Any, Callable

import pytest
from podtune import __version__
from podtune.errors import TryAgainLater
from podtune_pipelines.cluster.client import Taken

pytestmark = pytest.mark.local

Upload = Callable[..., Any]


def test_a_pipeline_is_uploaded_under_the_hash_of_its_content(fake_kfp: Any, upload: Upload) -> None:
    version = upload()

    assert version.uploaded
    assert version.name == f"{__version__}-7be2b8d8d274e0ec"
    assert [pipeline["display_name"] for pipeline in fake_kfp.pipelines.values()] == ["podtune-qa"]
    assert list(fake_kfp.versions) == [version.version]
    assert b"root: {b: 1, a: 2}" in fake_kfp.uploads[0]


def test_the_same_content_in_another_order_is_not_uploaded_again(fake_kfp: Any, upload: Upload) -> None:
    first = upload("# a comment\nroot: {b: 1, a: 2}\n---\nplatforms: {}")

    second = upload("root: {a: 2, b: 1}\n---\nplatforms: {}")

    assert not second.uploaded
    assert (second.pipeline, second.version) == (first.pipeline, first.version)
    assert fake_kfp.asked("POST", "pipelines/upload_version") == 1


def test_another_content_is_a_new_version_of_the_same_pipeline(fake_kfp: Any, upload: Upload) -> None:
    first = upload()

    second = upload("root: {b: 1, a: 3}")

    assert second.pipeline == first.pipeline
    assert second.version != first.version


def test_a_version_is_found_on_a_later_page(fake_kfp: Any, upload: Upload) -> None:
    first = upload()
    fake_kfp.page = 1
    for number in range(3):
        fake_kfp.versions[f"same-{number}"] = {**fake_kfp.versions[first.version]}

    assert not upload().uploaded


def test_who_is_second_to_make_the_pipeline_uses_it(fake_kfp: Any, upload: Upload) -> None:
    first = upload("root: {}")
    fake_kfp.hidden = ["pipelines"]

    assert upload().pipeline == first.pipeline


def test_who_is_second_to_upload_uses_what_is_there(fake_kfp: Any, upload: Upload) -> None:
    first = upload()
    fake_kfp.hidden = ["pipeline_versions"]

    second = upload()

    assert (second.version, second.uploaded) == (first.version, False)


def test_a_name_that_is_taken_and_cannot_be_seen_is_an_error(fake_kfp: Any, upload: Upload) -> None:
    fake_kfp.fail("POST", "/pipelines", 409)

    with pytest.raises(Taken, match="has an object of this name already"):
        upload()


def test_an_upload_whose_answer_is_lost_is_not_repeated(fake_kfp: Any, upload: Upload) -> None:
    fake_kfp.fail("POST", "/pipelines/upload_version", "reset", times=2)

    with pytest.raises(TryAgainLater, match="closed the connection, and may have carried out the request"):
        upload()

    assert fake_kfp.asked("POST", "pipelines/upload_version") == 1
