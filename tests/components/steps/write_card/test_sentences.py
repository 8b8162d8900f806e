from podtune.steps.write_card.sentences import sentences

PAIRED = {"f1": {"champion": 88.41, "value": 0.44, "low": 0.02, "high": 0.86}}


def test_changes_of_what_is_right_or_wrong_are_counted_so(finished_run, contents) -> None:
    finished_run.facts["verdict"].update(
        settings={"metric": "exact_match"}, differences=PAIRED, better={"count": 1200}, worse={"count": 7}
    )

    assert sentences(contents())["changes_sentence"] == "Of the questions, 1,200 are newly right and 7 newly wrong."


def test_changes_of_other_scores_are_higher_or_lower(finished_run, contents) -> None:
    finished_run.facts["verdict"].update(differences=PAIRED, better={"count": 12}, worse={"count": 7})

    assert sentences(contents())["changes_sentence"] == "By F1, 12 questions score higher than before and 7 lower."


def test_a_live_release_that_is_the_same_model_can_be_compared(finished_run, contents) -> None:
    finished_run.facts["verdict"].update(difference={}, differences=PAIRED)

    assert sentences(contents())["champion_sentence"] == "The live release was version 7."


def test_a_checkpoint_of_an_earlier_version_has_no_date(finished_run, contents) -> None:
    finished_run.facts["checkpoint"].update(finished="", software={})

    assert sentences(contents())["made_sentence"] == "Trained by podtune (of an unknown version)."
