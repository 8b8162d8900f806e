import re
from typing import List, Optional

import pytest
from podtune_pipelines.card_check.known import KNOWN, all_known, data_named


@pytest.mark.parametrize(
    ("identifier", "title"),
    [
        ("rajpurkar/squad", "SQuAD v1.1"),
        ("SQuAD", "SQuAD v1.1"),
        ("squad_v2", "SQuAD v2.0"),
        ("Graphcore/gqa-lxmert", "GQA balanced"),
        ("podtune/sample-squad", None),
    ],
)
def test_data_sets_are_known_by_their_whole_name(identifier: str, title: Optional[str]) -> None:
    data = data_named(identifier)

    assert (data.title if data else None) == title


def test_one_unknown_name_leaves_all_unknown() -> None:
    assert all_known(["squad", "own/data"]) == set()
    assert {data.title for data in all_known(["squad", "squad_v2"])} == {"SQuAD v1.1", "SQuAD v2.0"}


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("SQuAD 2.0", ["SQuAD v2.0"]),
        ("t5-base-qg-hl-squadv2", ["SQuAD v2.0"]),
        ("roberta-base-squad2", ["SQuAD v2.0"]),
        ("SQuAD v1.1", ["SQuAD v1.1"]),
        ("finetuned-squad-2", []),
        ("finetuned-squad-v2", []),
        ("squad", []),
        ("gqa", ["GQA balanced"]),
    ],
)
def test_a_text_means_a_version_only_if_it_says_so(text: str, titles: List[str]) -> None:
    assert [data.title for data in KNOWN if re.search(data.said, text, re.IGNORECASE)] == titles
