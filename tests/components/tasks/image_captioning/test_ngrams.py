import numpy as np
from podtune.tasks.image_captioning.metrics import count_ngrams, value_of_each


def test_every_ngram_of_up_to_four_words_is_counted_once_a_caption() -> None:
    predicted, true = count_ngrams([["a", "a", "b"]], [[["a", "b", "a", "b", "a"], []]])

    assert list(zip(predicted.order.tolist(), predicted.count.tolist())) == [(0, 2), (0, 1), (1, 1), (1, 1), (2, 1)]
    assert [int(true.count[true.order == order].sum()) for order in range(4)] == [5, 4, 3, 2]
    assert set(true.caption.tolist()) == {0}


def test_equal_ngrams_have_equal_numbers_and_of_the_same_image_the_second_one_too() -> None:
    predicted, true = count_ngrams([["a", "dog"], ["cat"]], [[["dog"]], [["dog"], ["cat"]]])

    assert true.ngram.tolist()[0] == true.ngram.tolist()[1]
    assert np.isin(true.image_and_ngram, predicted.image_and_ngram).tolist() == [True, False, True]


def test_captions_without_words_have_no_ngrams() -> None:
    predicted, true = count_ngrams([[]], [[[]]])

    assert len(predicted.count) == len(true.count) == 0


def test_a_key_that_is_not_there_has_the_value_0() -> None:
    found = value_of_each(np.array([5, 9, 2, 7]), np.array([7, 2]), np.array([70, 20]))

    assert found.tolist() == [0, 0, 20, 70]
