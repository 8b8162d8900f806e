from typing import Any, List

from podtune.steps.write_card.records import open_records


def ids(examples: List[Any]) -> List[str]:
    return [example.record["id"] for example in examples]


def test_the_worst_have_less_than_the_full_score_and_the_best_come_first(finished_run) -> None:
    examples = open_records(finished_run.write()).examples

    assert ids(examples.worst) == ["57331", "57332"]
    assert ids(examples.best) == ["57330"]


def test_they_are_found_without_the_gates_metric(finished_run) -> None:
    finished_run.facts["verdict"]["settings"] = {}

    assert ids(open_records(finished_run.write()).examples.worst) == ["57332", "57331"]  # the surest first


def test_questions_come_with_their_contexts_and_true_answers(finished_run) -> None:
    first, _ = open_records(finished_run.write()).examples.worst

    assert first.passage.text == "Here <i>is</i> nothing bold but a *star*, the star."
    assert [first.passage.text[start:end] for start, end in first.passage.truths] == ["a *star*", "the star"]


def test_changed_examples_have_both_predictions(finished_run) -> None:
    better, worse = ({"id": "57330", "champion": "the Deformation"}, {"id": "57331", "champion": "star"})
    finished_run.facts["verdict"].update(
        better={"count": 1, "examples": [better]}, worse={"count": 7, "examples": [worse]}
    )

    examples = open_records(finished_run.write()).examples

    assert [(one.record["prediction"], one.champion) for one in examples.better] == [("Reformation", "the Deformation")]
    assert [(one.record["prediction"], one.champion) for one in examples.worse] == [("nothing", "star")]


def test_the_code_is_shown_with_a_right_question(finished_run) -> None:
    usage = open_records(finished_run.write()).examples.usage

    assert usage.example.values["question"] == "What did Luther start?"
    assert (usage.prediction, usage.right) == ("Reformation", True)


def test_a_model_that_is_never_right_has_an_example_all_the_same(finished_run) -> None:
    del finished_run.examples[0]
    finished_run.examples.insert(0, {**finished_run.examples[0], "id": "57330"})

    usage = open_records(finished_run.write()).examples.usage

    assert (usage.prediction, usage.right) == ("the warm air rises quickly", False)
