import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.cards.front_matter import read_front_matter, to_yaml


def test_values_and_the_lines_of_their_keys_are_read() -> None:
    front = read_front_matter("---\nlicense: mit\nmodel-index:\n- name: a\n  results: []\n---\n# A card\n")

    assert front.values == {"license": "mit", "model-index": [{"name": "a", "results": []}]}
    assert front.fault is None
    assert front.line("license") == 2
    assert front.line("model-index[0].results") == 5
    assert front.line("model-index[0].results[3].task.type") == 5
    assert front.line("base_model") == 1
    assert front.body_line == 7


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("# A card\n", "is missing: the card does not start with a line of three dashes"),
        ("--- license: mit --- # A card", "is missing: the card does not start with a line of three dashes"),
        ("---\nlicense: mit\n", "has no end: no second line of three dashes follows"),
        ("---\nlicense: [mit\n---\n", "is not YAML: expected ',' or ']', but got '<stream end>' (line 2)"),
        ("---\n- mit\n---\n", "must be a mapping; got list"),
        ("---\n" + "[" * 500 + "\n---\n", "is not YAML: maximum recursion depth exceeded"),
    ],
)
def test_a_fault_is_told_and_not_raised(text: str, fault: str) -> None:
    front = read_front_matter(text)

    assert front.fault is not None
    assert front.fault.startswith(fault)
    assert front.values == {}


def test_a_key_given_twice_is_found() -> None:
    front = read_front_matter("---\nlicense: mit\ntags: [a]\nlicense: isc\n---\n")

    assert front.repeated == ("license",)


def test_plain_words_are_read_as_the_hub_reads_them() -> None:
    front = read_front_matter(
        "---\nlanguage: no\nvalues: [on, 1e1, 010, 0o10, 12:30, 2026-01-01, 1_000, .5, true, ~]\n---\n"
    )

    assert front.values == {
        "language": "no",
        "values": ["on", 10.0, 10, 8, "12:30", "2026-01-01", "1_000", 0.5, True, None],
    }


def test_an_empty_block_holds_nothing() -> None:
    assert read_front_matter("---\n\n---\n").values == {}


@pytest.mark.parametrize("text", ["1e5", "0o7", "0x1f", "12:30", "-1", ".5", "+3", "~", "2026-01-01", "no", "null", ""])
def test_texts_that_look_like_something_else_are_quoted(text: str) -> None:
    spelled = to_yaml({"revision": text})

    assert spelled.splitlines()[1][len("revision: ")] in {'"', "'"}


@given(st.dictionaries(st.sampled_from(["license", "tags", "language"]), st.text() | st.lists(st.text())))
def test_any_text_survives_the_front_matter(values: dict) -> None:
    front = read_front_matter(to_yaml(values) + "\n# body\n")

    assert front.fault is None
    assert front.values == values


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        (
            "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
            + "".join(
                f"{later}: &{later} [{', '.join([f'*{earlier}'] * 9)}]\n"
                for earlier, later in zip("abcdefg", "bcdefgh")
            ),
            "is not YAML: it holds more than 100,000 values",
        ),
        ("a: " + "[" * 60 + "]" * 60, "is not YAML: it is nested more than 50 levels deep"),
        ("a: " + "x" * 1_000_001, "is not YAML: it has 1,000,004 characters; at most 1,000,000 are read"),
    ],
    ids=["aliases", "nesting", "length"],
)
def test_a_block_beyond_all_measure_is_not_read(block: str, fault: str) -> None:
    front = read_front_matter(f"---\n{block}\n---\n# body\n")

    assert (front.values, front.fault) == ({}, fault)
