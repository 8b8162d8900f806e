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


def test_settings_come_in_the_order_of_the_flow(contents) -> None:
    names = [name for name, _ in contents().settings]

    assert names[:4] == ["features.max_length", "features.overlap", "training.epochs", "training.batch_size"]
    assert "training.best_metric" not in names


@pytest.mark.parametrize(("device", "shown"), [("cpu", []), ("ipu", [("training.ipu.layers_per_ipu", [0, 4, 4, 4])])])
def test_a_placement_on_ipus_is_shown_where_it_was_used(finished_run, contents, device, shown) -> None:
    checkpoint = finished_run.facts["checkpoint"]
    checkpoint["hardware"]["device"] = device
    checkpoint["training"]["ipu"] = {"layers_per_ipu": [0, 4, 4, 4]}

    assert [pair for pair in contents().settings if "ipu" in pair[0]] == shown


def test_a_task_without_words_is_refused(finished_run, contents) -> None:
    finished_run.facts["features"]["task"] = "tasting"

    with pytest.raises(BadInput) as caught:
        contents()

    assert str(caught.value) == (
        "task must be one of question-answering, visual-question-answering, image-captioning; got 'tasting'"
    )
