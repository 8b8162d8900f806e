from typing import List, Tuple

import pytest
from podtune.tasks.image_captioning.metrics import bleu, bleu_statistics

Captions = Tuple[List[List[str]], List[List[List[str]]]]


def test_values_are_those_of_the_published_program(captions: Captions) -> None:
    values = bleu(bleu_statistics(*captions))

    assert values.tolist() == pytest.approx(
        [74.78449196840398, 71.34835290349434, 66.29001246973182, 61.65143624970157], rel=1e-12
    )


def test_any_images_values_come_from_the_sum_of_their_statistics(captions: Captions) -> None:
    statistics = bleu_statistics(*captions)

    assert bleu(statistics[[0, 0, 4]]).tolist() == pytest.approx(
        [99.9999999904762, 99.99999999007937, 95.34195018950324, 87.18468614943102], rel=1e-12
    )
    assert bleu(statistics[[1]]).tolist() == pytest.approx(
        [49.1238451650294, 31.70930570351238, 3.016229881854037e-04, 1.0294994182935423e-06], rel=1e-12
    )


def test_an_ngram_counts_as_often_as_one_reference_has_it(captions: Captions) -> None:
    statistics = bleu_statistics(*captions)

    assert statistics.dtype == "int64"
    assert statistics.tolist() == [
        [7, 6, 4, 2, 7, 6, 5, 4, 7, 7],
        [3, 1, 0, 0, 5, 4, 3, 2, 5, 6],
        [2, 1, 0, 0, 2, 1, 0, 0, 2, 2],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 3],
        [7, 6, 5, 4, 7, 6, 5, 4, 7, 7],
    ]


def test_of_two_equally_close_references_the_shorter_one_gives_the_length() -> None:
    statistics = bleu_statistics([["a", "b"]], [[["a", "b", "c"], ["a"]]])

    assert statistics[0, -1] == 1


def test_being_too_long_costs_precision_alone() -> None:
    values = bleu(bleu_statistics([["a", "dog", "runs", "home", "now"]], [[["a", "dog", "runs"]]]))

    assert values.tolist() == pytest.approx(
        [59.99999998800002, 54.772255738192875, 46.415888324008115, 0.008408964149839274], rel=1e-12
    )


def test_no_word_at_all_is_worth_nothing() -> None:
    assert bleu(bleu_statistics([[]], [[["a", "dog"]]])).tolist() == [0.0, 0.0, 0.0, 0.0]
