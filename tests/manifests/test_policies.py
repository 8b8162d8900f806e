"""What the identities of the steps may do at the store."""

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

POLICIES = Path(__file__).parents[2] / "manifests" / "policies"
EVERY = ["ipu-worker", "pruner", "publisher", "trainer"]


def statements(name: str) -> List[Dict[str, Any]]:
    document = json.loads((POLICIES / f"{name}.json").read_text(encoding="utf-8"))
    assert document["Version"] == "2012-10-17"
    found: List[Dict[str, Any]] = document["Statement"]
    return found


def allowed(name: str, action: str) -> List[str]:
    """The keys for which an action is allowed."""
    found = [one for one in statements(name) if one["Effect"] == "Allow" and action in one["Action"]]
    return [resource.partition(":::podtune/")[2] for one in found for resource in one["Resource"]]


def test_every_policy_is_known() -> None:
    assert sorted(path.stem for path in POLICIES.iterdir()) == sorted([*EVERY, "lifecycle"])


def test_what_expires_is_what_nobody_releases() -> None:
    rules = json.loads((POLICIES / "lifecycle.json").read_text(encoding="utf-8"))["Rules"]

    assert {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in rules} == {
        "training/": 30,
        "artifacts/": 60,
    }


@pytest.mark.parametrize("name", EVERY)
def test_nothing_is_allowed_beyond_a_prefix(name: str) -> None:
    for statement in statements(name):
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert not [action for action in actions if "*" in action]
        if statement["Action"] == "s3:ListBucket":
            assert "*" not in statement["Condition"]["StringLike"]["s3:prefix"]
        else:
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            assert not [one for one in resources if one.endswith(":::podtune/*") or one.endswith(":::*")]


def test_who_trains_cannot_release() -> None:
    assert allowed("trainer", "s3:PutObject") == ["artifacts/*", "store/runs/*", "training/*"]
    assert allowed("ipu-worker", "s3:PutObject") == ["training/*"]
    assert allowed("publisher", "s3:PutObject") == ["artifacts/*", "store/*"]
    assert allowed("pruner", "s3:PutObject") == ["store/releases/*", "store/pruning/*", "training/*"]


def test_no_run_ever_deletes_but_checkpoints_on_the_way() -> None:
    assert {name: allowed(name, "s3:DeleteObject") for name in EVERY} == {
        "ipu-worker": ["training/*"],
        "pruner": [
            "store/blobs/*",
            "store/pruning/*",
            "store/releases/*/pruned/*",
            "store/releases/*/pins/*",
            "store/refusals/*",
            "store/runs/*",
            "training/*",
        ],
        "publisher": [],
        "trainer": ["training/*"],
    }


@pytest.mark.parametrize("name", ["publisher", "pruner"])
def test_a_version_is_never_replaced(name: str) -> None:
    denied = [one for one in statements(name) if one["Effect"] == "Deny"]

    assert denied == [
        {
            "Sid": "NeverReplaceAVersion",
            "Effect": "Deny",
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::podtune/store/releases/*/versions/*",
            "Condition": {"Null": {"s3:if-none-match": "true"}},
        }
    ]
