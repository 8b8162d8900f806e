import pytest
from podtune.errors import BadInput


def test_exact_match_is_also_a_count_of_questions(contents) -> None:
    exact_match, f1 = contents().results

    assert exact_match.correct == 8646
    assert f1.correct is None


def test_published_results_are_held_against_the_interval(contents) -> None:
    exact_match, f1 = contents().comparisons

    assert exact_match.inside is True
    assert (f1.value, f1.published, f1.inside) == (88.84840994541061, 91.7, False)


def test_a_published_loss_has_no_interval(finished_run, contents) -> None:
    finished_run.card["reference"]["metrics"] = {"loss": 0.9}

    (loss,) = contents().comparisons

    assert (loss.value, loss.inside) == (1.0187, None)


def test_training_is_summed_up(contents) -> None:
    training = contents().training

    assert training.last_losses == pytest.approx(0.82)
    assert training.rows_per_second == pytest.approx(35.8830, abs=1e-4)
    assert training.rows_per_call == 256
    assert training.overfitted is None


def test_a_validation_loss_far_above_training_is_called_overfitting(finished_run, contents) -> None:
    finished_run.facts["evaluation"]["loss"] = 1.64

    assert contents().training.overfitted == pytest.approx(2.0)


def test_a_log_without_losses_is_no_hindrance(finished_run, contents) -> None:
    finished_run.log = []

    assert contents().training.last_losses is None


def test_slices_come_in_the_order_of_their_meaning(finished_run, contents) -> None:
    finished_run.facts["evaluation"]["slices"] = [
        {"name": name, "value": value, "examples": examples, "metrics": {"f1": 50.0}}
        for name, value, examples in (
            ("answer_length", "1 word", 5),
            ("answer_length", "3 to 5 words", 900),
            ("answer_length", "6 words or more", 1),
            ("colour", "blue", 10),
            ("colour", "red", 20),
            ("question_word", "how", 3),
            ("question_word", "who", 2),
        )
    ]

    slices = contents().slices

    assert {name: [part.value for part in parts] for name, parts in slices.items()} == {
        "question_word": ["who", "how"],
        "answer_length": ["1 word", "3 to 5 words", "6 words or more"],
        "colour": ["red", "blue"],
    }
    assert list(slices) == ["question_word", "answer_length", "colour"]


def test_a_task_without_words_is_refused(finished_run, contents) -> None:
    finished_run.facts["features"]["task"] = "tasting"

    with pytest.raises(BadInput) as caught:
        contents()

    assert str(caught.value) == (
        "task must be one of question-answering, visual-question-answering, image-captioning; got 'tasting'"
    )
