import copy
from typing import Any

import pytest
from podtune.cards.front_matter import read_front_matter, to_yaml
from podtune.cards.hub_rules import breaches, is_language, is_repository_id, require_valid_card
from podtune.errors import BadInput

GOOD: Any = {
    "language": ["en", "deu"],
    "license": "apache-2.0",
    "library_name": "transformers",
    "pipeline_tag": "question-answering",
    "tags": ["bert"],
    "datasets": ["rajpurkar/squad"],
    "metrics": ["exact_match", "f1"],
    "base_model": "google-bert/bert-base-uncased",
    "model-index": [
        {
            "name": "a",
            "results": [
                {
                    "task": {"type": "question-answering"},
                    "dataset": {"type": "rajpurkar/squad", "name": "SQuAD", "split": "validation"},
                    "metrics": [{"type": "f1", "value": 88.8}],
                }
            ],
        }
    ],
}
RESULT = "model-index[0].results[0]"


def test_a_good_card_breaks_no_rule() -> None:
    assert breaches(read_front_matter(to_yaml(GOOD))) == []


@pytest.mark.parametrize(
    ("place", "value", "key", "text"),
    [
        (["license"], "apache2", "license", "must be an identifier that the Hub lists, such as apache-2.0, or other; "),
        (["license"], "other", "license_name", "must say which licence it is, because license is other"),
        (["language"], ["english"], "language[0]", "must be a two-letter ISO 639-1 or three-letter ISO 639-3 code; "),
        (["language"], [False], "language[0]", "must be a two-letter ISO 639-1 or three-letter ISO 639-3 code; "),
        (["pipeline_tag"], "squad", "pipeline_tag", "must be a task that the Hub lists, such as question-answering; "),
        (["pipeline_tag"], ["a"], "pipeline_tag", "must be a task that the Hub lists, such as question-answering; "),
        (["base_model"], "a/b/c", "base_model", "must be an id on the Hub, such as owner/name; got 'a/b/c'"),
        (["datasets"], ["my data"], "datasets[0]", "must be an id on the Hub, such as owner/name; got 'my data'"),
        (["metrics"], "f1", "metrics", "must be a list; got 'f1'"),
        (["metrics"], ["F 1"], "metrics[0]", "must be a metric id, such as exact_match; got 'F 1'"),
        (["tags"], [1], "tags[0]", "must be a string; got 1"),
        (["library_name"], "", "library_name", "must be a string such as transformers; got ''"),
        (["model-index"], {}, "model-index", "must be a list of models, each with name and results"),
        (["model-index", 0], "a", "model-index[0].name", "is missing"),
        (["model-index", 0, "results"], None, "model-index[0].results", "must be a list"),
        (["model-index", 0, "results", 0], 3, f"{RESULT}.task.type", "must be a task that the Hub lists; got None"),
    ],
)
def test_each_mistake_is_found_with_its_place(place: list, value: Any, key: str, text: str) -> None:
    card = copy.deepcopy(GOOD)
    target = card
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value

    found = breaches(read_front_matter(to_yaml(card)))

    assert found[0].key == key
    assert found[0].text.startswith(text)


@pytest.mark.parametrize(
    ("part", "key", "value", "text"),
    [
        ("task", "type", "reading", "must be a task that the Hub lists; got 'reading'"),
        ("dataset", "type", "my data", "must be a dataset id; got 'my data'"),
        ("dataset", "name", "", "is missing"),
        ("dataset", "args", "vqa", "must be a mapping; got 'vqa'"),
        ("dataset", "split", 3, "must be a string; got 3"),
    ],
)
def test_each_part_of_a_result_is_checked(part: str, key: str, value: Any, text: str) -> None:
    card = copy.deepcopy(GOOD)
    card["model-index"][0]["results"][0][part][key] = value

    (found,) = breaches(read_front_matter(to_yaml(card)))

    assert (found.key, found.text) == (f"{RESULT}.{part}.{key}", text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "88.8", True, None])
def test_a_metric_must_be_a_finite_number(value: Any) -> None:
    card = copy.deepcopy(GOOD)
    card["model-index"][0]["results"][0]["metrics"][0]["value"] = value

    (found,) = breaches(read_front_matter(to_yaml(card)))

    assert found.key == f"{RESULT}.metrics[0].value"
    assert found.line == 27


def test_other_licences_have_a_name_and_a_link() -> None:
    card = {**GOOD, "license": "other", "license_name": "our-own-1.0", "license_link": "LICENSE"}

    assert breaches(read_front_matter(to_yaml(card))) == []


def test_a_key_given_twice_is_a_breach() -> None:
    (found,) = breaches(read_front_matter("---\nlicense: mit\nlicense: isc\n---\n"))

    assert (found.key, found.text, found.line) == ("license", "is given twice", 3)


def test_a_card_without_front_matter_breaks_one_rule() -> None:
    (found,) = breaches(read_front_matter("# A card\n"))

    assert found.key == "front matter"


def test_every_breach_is_reported_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        require_valid_card("---\nlicense: mitt\npipeline_tag: reading\n---\n")

    assert str(caught.value) == (
        "the card breaks the Hub's rules for metadata: license must be an identifier that the Hub lists, such as "
        "apache-2.0, or other; got 'mitt'; pipeline_tag must be a task that the Hub lists, such as "
        "question-answering; got 'reading'"
    )


@pytest.mark.parametrize("name", ["squad", "rajpurkar/squad", "a_b/c.d-e"])
def test_ids_of_the_hub_are_known(name: str) -> None:
    assert is_repository_id(name)


@pytest.mark.parametrize(
    "name", ["", "a/b/c", "a b", "-a/b", "a--b", "a..b", "a/b.git", "/a", "a/", "é/b", 3, "a" * 97]
)
def test_other_names_are_no_ids(name: Any) -> None:
    assert not is_repository_id(name)


@pytest.mark.parametrize(("code", "known"), [("en", True), ("yue", True), ("code", True), ("EN", False), ("xx", False)])
def test_languages_are_known_by_their_codes(code: str, known: bool) -> None:
    assert is_language(code) is known
