import unicodedata
from typing import Any, List, Optional, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.errors import BadInput
from podtune.formats.profile import (
    Change,
    Overlap,
    SplitProfile,
    Traces,
    changes_between,
    hashes,
    lengths,
    normalised,
    profiles_of,
    require_few_duplicates,
)

LEFT_OUT = " \t\n\u00a0\u200b.,;:!?'\"()[]-\u2014\u00ab\u00bb\u3002\u060c_\x00"


def traces(texts: Sequence[str], sources: Sequence[str], answers: Sequence[str] = (), prefix: str = "q") -> Traces:
    return Traces(
        ids=[f"{prefix}{number}" for number in range(len(texts))],
        exact=hashes(zip(sources, texts)),
        normalised=hashes((normalised(source), normalised(text)) for source, text in zip(sources, texts)),
        sources=hashes(map(normalised, sources)),
        texts=hashes(map(normalised, texts)),
        answers=hashes(answers),
        text_lengths=lengths(texts),
        source_lengths=lengths(dict.fromkeys(sources)),
    )


def profile(
    examples: int, *, medians: Sequence[int] = (5, 50), overlap: Optional[Overlap] = None, **counts: Any
) -> Any:
    spreads: List[List[int]] = [[1, 2, median, 90, 99] for median in medians]
    found = {"sources": 10, "without_answer": 0, "answers": 4, "most_frequent": examples // 10, **counts}
    return SplitProfile(examples=examples, text_lengths=spreads[0], source_lengths=spreads[1], overlap=overlap, **found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Who wrote \u201cFaust\u201d?", "whowrotefaust"),
        ("  WHO\twrote\n'Faust' ", "whowrotefaust"),
        ("Stra\u00dfe", "strasse"),
        ("\uff21\uff22\uff23 \u2460", "abc1"),
        ("cafe\u0301", "caf\u00e9"),
        ("3+4", "3+4"),
        ("3 - 4", "34"),
        ("\u0915\u093f", "\u0915\u093f"),
        ("?!", "?!"),
        ("", ""),
    ],
)
def test_a_text_is_the_same_whatever_its_case_white_space_and_punctuation(text: str, expected: str) -> None:
    assert normalised(text) == expected


@given(st.text())
def test_what_is_normalised_stays_as_it_is(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(st.lists(st.text(max_size=3), max_size=6), st.text(alphabet=LEFT_OUT, max_size=3))
def test_white_space_and_punctuation_anywhere_change_nothing(parts: List[str], between: str) -> None:
    whole = "".join(parts)
    if any(unicodedata.category(letter)[0] not in "PZC" for letter in unicodedata.normalize("NFKC", whole)):
        assert normalised(between.join(parts)) == normalised(whole)


def test_a_profile_counts_each_split_and_what_stands_in_training_too() -> None:
    train = traces(["Who?", "What?", "Where is it?"], ["A river.", "A river.", "A hill."], ["Ann", "Bob", "Ann"])
    texts = ["Who?", "what", "Who?", "Where is it?", "Why so?"]
    sources = ["A river.", "a RIVER", "A lake.", "A river.", "A lake."]
    validation = traces(texts, sources, ["x", "x", "x", "y"], prefix="v")

    found = profiles_of({"train": train, "validation": validation})

    assert found == {
        "train": SplitProfile(3, 2, [4, 4, 5, 11, 12], [7, 7, 8, 8, 8], 0, 2, 2),
        "validation": SplitProfile(
            examples=5,
            sources=2,
            text_lengths=[4, 4, 4, 11, 12],
            source_lengths=[7, 7, 7, 8, 8],
            without_answer=1,
            answers=2,
            most_frequent=3,
            overlap=Overlap(exact=1, normalised=2, sources=3, texts=4, named=["v0", "v1"]),
        ),
    }


def test_examples_without_any_answer_are_counted() -> None:
    found = profiles_of({"train": traces(["Who?"], ["A river."])})["train"]

    assert (found.without_answer, found.answers, found.most_frequent) == (1, 0, 0)


def test_no_more_than_three_examples_are_named() -> None:
    same = traces(["a", "b", "c", "d"], ["x"] * 4)

    overlap = profiles_of({"train": same, "validation": same})["validation"].overlap

    assert overlap == Overlap(exact=4, normalised=4, sources=4, texts=4, named=["q0", "q1", "q2"])


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30), st.lists(st.integers(0, 9), max_size=30))
def test_overlaps_are_those_of_sets(train: List[int], validation: List[int]) -> None:
    def of(values: List[int]) -> Traces:
        array = np.array(values, dtype=np.int64)
        return Traces(list(map(str, values)), array, array, array, array, array, array, array[:0])

    overlap = profiles_of({"train": of(train), "validation": of(validation)})["validation"].overlap

    assert overlap is not None
    assert overlap.exact == sum(value in set(train) for value in validation)


def test_too_many_duplicates_stop_with_both_figures_the_ids_and_the_setting() -> None:
    overlap = Overlap(exact=2, normalised=15, sources=0, texts=0, named=["a\x1b[31m", "b", "c"])
    profiles = {"train": profile(5000), "validation": profile(1000, overlap=overlap)}

    with pytest.raises(BadInput) as stopped:
        require_few_duplicates(profiles, 0.01, "/data/mine", "questions")

    assert str(stopped.value) == (
        "/data/mine: 15 of 1,000 questions of validation stand in train too (1.50%, such as 'a\\x1b[31m', 'b', 'c'); "
        "features.most_duplicates allows 1.00%; take them out of one of the two, or allow them: "
        "--set features.most_duplicates=0.02"
    )


@pytest.mark.parametrize(("duplicates", "most"), [(0, 0.0), (10, 0.01), (11, 0.02), (1000, 1.0)])
def test_as_many_duplicates_as_are_allowed_stop_nothing(duplicates: int, most: float) -> None:
    overlap = Overlap(exact=0, normalised=duplicates, sources=1000, texts=1000)

    require_few_duplicates({"train": profile(1), "validation": profile(1000, overlap=overlap)}, most, "here", "images")


def test_the_setting_that_a_message_names_is_enough() -> None:
    profiles = {"validation": profile(3, overlap=Overlap(exact=0, normalised=1, sources=0, texts=0, named=["a"]))}

    with pytest.raises(BadInput, match=r"--set features\.most_duplicates=0\.34$"):
        require_few_duplicates(profiles, 0.0, "here", "questions")
    require_few_duplicates(profiles, 0.34, "here", "questions")


def test_every_figure_that_differs_is_a_change() -> None:
    before = {"train": profile(1000, medians=(10, 400)), "test": profile(7)}
    now = {
        "train": profile(100, medians=(5, 400), sources=12, without_answer=60, most_frequent=30),
        "validation": profile(9),
    }

    found = changes_between(before, now)

    assert found == [
        Change("train", "examples", 1000.0, 100.0),
        Change("train", "sources", 10.0, 12.0),
        Change("train", "text_length", 10.0, 5.0),
        Change("train", "without_answer", 0.0, 0.6),
        Change("train", "most_frequent", 0.1, 0.3),
    ]
    assert [round(change.size, 6) for change in found] == [0.9, 0.166667, 0.5, 0.6, 0.2]


@pytest.mark.parametrize(("before", "now", "size"), [(0, 5, 1.0), (5, 0, 1.0), (0, 0, 0.0), (4, 5, 0.2), (5, 4, 0.2)])
def test_growing_and_shrinking_are_as_large_a_change(before: float, now: float, size: float) -> None:
    assert Change("train", "examples", before, now).size == pytest.approx(size, abs=1e-12)
