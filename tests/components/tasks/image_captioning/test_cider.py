from typing import List, Tuple

import pytest
from podtune.tasks.image_captioning.metrics import cider

Captions = Tuple[List[List[str]], List[List[List[str]]]]


def test_values_are_those_of_the_published_program(captions: Captions) -> None:
    scores = cider(*captions)

    assert scores.tolist() == pytest.approx(
        [3.2868746447099935, 1.2210405837047966, 2.458965229632104, 0.0, 6.337246024393446], rel=1e-12
    )


def test_the_weight_of_an_ngram_comes_from_the_images_that_are_scored(captions: Captions) -> None:
    predictions, references = captions

    scores = cider([predictions[0], predictions[4]], [references[0], references[4]])

    assert scores.tolist() == pytest.approx([3.222889308418732, 6.200507794936696], rel=1e-12)


def test_where_all_images_have_the_same_words_none_of_them_counts() -> None:
    assert cider([["a", "dog"]], [[["a", "dog"]]]).tolist() == [0.0]
    assert cider([[], []], [[[]], [[]]]).tolist() == [0.0, 0.0]


def test_wholly_right_long_captions_have_ten_points() -> None:
    captions = [["a", "dog", "runs", "home"], ["two", "red", "cars", "stop"]]

    assert cider(captions, [[captions[0]], [captions[1]]]).tolist() == pytest.approx([10.0, 10.0])
