import threading
from pathlib import Path
from typing import Any, Iterator

import pytest
from podtune.errors import BadInput
from podtune_pipelines.doctor.checks import Check, checks_of, examine
from podtune_pipelines.doctor.findings import Finding, failed, ok, refused
from podtune_pipelines.placement import Placement
from podtune_pipelines.pods.placement_file import load_pods


def test_findings_come_in_the_order_of_the_checks() -> None:
    went = threading.Event()

    def second() -> Iterator[Finding]:
        went.set()
        yield ok("second", "well")

    def first() -> Iterator[Finding]:
        assert went.wait(5)
        yield ok("first", "well")

    found = examine([Check("first", first), Check("second", second)], 5)

    assert found == [ok("first", "well"), ok("second", "well")]


def test_an_expected_error_ends_one_check_with_what_to_do() -> None:
    def look() -> Iterator[Finding]:
        yield ok("store", "can be read")
        raise BadInput("there is no such bucket; create it")

    found = examine([Check("store", look), Check("other", lambda: iter([ok("other", "well")]))], 5)

    assert found == [
        ok("store", "can be read"),
        failed("store", "there is no such bucket", "create it"),
        ok("other", "well"),
    ]


def test_an_unexpected_error_leaves_its_kind_and_not_its_words() -> None:
    def look() -> Iterator[Finding]:
        raise KeyError("secret")
        yield

    found = examine([Check("store", look)], 5)

    assert found == [failed("store", "the check itself failed (KeyError)", "report this and the command you ran")]


def test_a_place_that_may_not_be_used_is_named() -> None:
    def look() -> Iterator[Finding]:
        raise PermissionError(13, "Permission denied", "/data")
        yield

    found = examine([Check("home", look)], 5)

    expected = failed("home", "no permission to use /data", "choose another path or change its permissions")
    assert found == [expected]


def test_what_never_answers_keeps_nobody_waiting() -> None:
    end = threading.Event()

    def look() -> Iterator[Finding]:
        yield ok("store", "can be read")
        end.wait()

    found = examine([Check("store", look)], 0.5)
    end.set()

    assert [(finding.outcome, finding.found) for finding in found] == [
        ("ok", "can be read"),
        ("failed", "no answer within 0.5 seconds"),
    ]


def test_a_refusal_is_split_into_what_is_wrong_and_what_to_do() -> None:
    assert refused("home", "it is full; free some") == failed("home", "it is full", "free some")
    assert refused("home", "it is \x1b[31mfull") == failed("home", "it is [31mfull", "")


@pytest.mark.local
def test_gpus_are_asked_for_by_the_placements_names(kubernetes: Any, tmp_path: Path) -> None:
    nodes = [{"amd.com/gpu": "8"}, {"nvidia.com/mig-1g.5gb": "7", "cpu": "4"}]
    kubernetes.told["GET /api/v1/nodes"] = (200, {"items": [{"status": {"allocatable": one}} for one in nodes]})
    (tmp_path / "site.yaml").write_text(
        "all: {accelerator: {resource: amd.com/gpu}}\n"
        "steps: {evaluate: {accelerator: {resource: nvidia.com/mig-1g.5gb}}}\n"
    )
    placement = Placement("gpu", pods=load_pods(str(tmp_path / "site.yaml")))
    (check,) = [
        one for one in checks_of(placement, tmp_path, store="store", workspace="", host="") if one.about == "Kubernetes"
    ]

    found = [(one.outcome, one.found) for one in examine([check], 20)][1:]

    assert found == [("ok", "8 of amd.com/gpu on 1 of 2 nodes"), ("ok", "7 of nvidia.com/mig-1g.5gb on 1 of 2 nodes")]
