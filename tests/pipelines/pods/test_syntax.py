from decimal import Decimal

import pytest
from podtune_pipelines.pods.syntax import amount, mistake_in


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", "4"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("500m", "0.5"),
        ("1k", "1000"),
        ("16G", "16000000000"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("2Ei", "2305843009213693952"),
        ("1e3", "1000"),
        ("12E", "12000000000000000000"),
    ],
)
def test_a_quantity_has_its_value(text: str, value: str) -> None:
    assert amount(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "G", "16GB", "1 Gi", "-1", "1K", "1ki", "4 cores", "1e", "0x10"])
def test_what_kubernetes_refuses_is_no_quantity(text: str) -> None:
    assert amount(text) is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("name", "a.b-c"),
        ("label", "a-1"),
        ("key", "team"),
        ("key", "kueue.x-k8s.io/queue-name"),
        ("value", ""),
        ("value", "A_1.b"),
        ("resource", "nvidia.com/mig-1g.5gb"),
        ("variable", "http_proxy"),
        ("file", "ca.pem"),
        ("path", "/dev/shm"),
        ("path", "/.cache/a..b"),
        ("quantity", 0.5),
    ],
)
def test_what_kubernetes_takes_is_right(kind: str, text: object) -> None:
    assert mistake_in(kind, text) == ""


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("name", "A"),
        ("name", "a_b"),
        ("name", "a" * 254),
        ("label", "a.b"),
        ("label", "a" * 64),
        ("key", "a/b/c"),
        ("key", "/a"),
        ("key", "Example.com/a"),
        ("value", "-a"),
        ("value", "a" * 64),
        ("value", "a\n"),
        ("resource", "gpu"),
        ("variable", "1A"),
        ("variable", "A=B"),
        ("file", "a/b"),
        ("path", "a"),
        ("path", "/"),
        ("path", "/a/../b"),
        ("path", "/a:b"),
        ("quantity", 0),
        ("quantity", True),
        ("quantity", None),
    ],
)
def test_what_kubernetes_refuses_is_a_mistake(kind: str, text: object) -> None:
    assert mistake_in(kind, text).startswith("must be ")
