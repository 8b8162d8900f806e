from typing import Any

from podtune.steps.write_card import data_tables
from podtune.steps.write_card.sentences import sentences


def test_a_split_is_described_beside_what_it_shares_with_training(contents: Any) -> None:
    rows = {row[0]: row[1:] for row in data_tables.profile(contents()).rows}

    assert rows["Characters of a context"] == ("678 (90% between 291 and 1,311)", "700 (90% between 351 and 1,338)")
    assert rows["With the most frequent answer"] == ("244 (0.3%)", "34 (0.3%)")
    assert rows["In the training split too, normalised"] == ("", "0")
    assert rows["Question in the training split too"] == ("", "8")


def test_only_what_differs_from_the_live_releases_data_is_tabulated(contents: Any) -> None:
    table = data_tables.data_changes(contents())

    assert table.header == ("Data", "Version 7", "This model")
    assert table.rows == [("train, questions", "80,000", "87,599")]


def test_features_of_an_earlier_version_have_no_table_and_no_sentence(finished_run: Any, contents: Any) -> None:
    finished_run.facts["features"].update(profile={})

    assert data_tables.profile(contents()).rows == []
    assert data_tables.data_changes(contents()).rows == []
    assert sentences(contents())["overlap_sentence"] is None


def test_the_scored_examples_that_stand_in_training_too_are_counted_and_what_that_cannot_see(contents: Any) -> None:
    assert sentences(contents())["overlap_sentence"] == (
        "0 of 10,570 validation questions stand in the training split too, compared by question and context, whatever "
        "their case, white space and punctuation. What says or shows the same otherwise is not counted."
    )


def test_a_live_release_without_figures_of_its_data_is_said_to_have_none(finished_run: Any, contents: Any) -> None:
    assert sentences(contents())["data_sentence"] is None

    finished_run.facts["verdict"].update(champion_profile={})

    said = "The data is not compared with that of version 7, of which no figures can be read."
    assert sentences(contents())["data_sentence"] == said
