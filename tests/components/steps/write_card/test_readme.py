from dataclasses import replace
from typing import Any, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from podtune.cards.front_matter import read_front_matter
from podtune.cards.hub_rules import breaches
from podtune.steps.write_card.readme import card_body, card_with_front_matter
from podtune.steps.write_card.tables import template_values


def headings(text: str) -> list:
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return [after.content for token, after in zip(tokens, tokens[1:]) if token.type == "heading_open"]


def test_the_card_of_a_literal_run_is_the_golden_one(contents: Any, golden: Callable[[str, str], None]) -> None:
    card = card_with_front_matter(template_values(contents()), "figures/loss.png")

    golden("write_card/README.md", card)
    assert breaches(read_front_matter(card)) == []


def test_the_card_for_kfp_has_neither_front_matter_nor_pictures(contents) -> None:
    body = card_body(template_values(contents()), picture=None)

    assert body.startswith("# bert-base-uncased-squad\n")
    assert "![" not in body


def test_what_is_not_stated_is_said_to_be(finished_run, contents) -> None:
    """Names and licences are left out of the metadata; what the files themselves say stands in for them."""
    finished_run.facts["raw-data"].update(source="/data/own", dataset="", licence="", revision="")
    finished_run.facts["base-model"].update(source="/models/own", model="", licence="", revision="")
    architecture = "BertForQuestionAnswering: 2 layers, 0.0423 million parameters"
    finished_run.facts["checkpoint"]["architecture"] = architecture
    finished_run.card.clear()

    card = card_with_front_matter(template_values(contents()), "figures/loss.png")

    metadata = read_front_matter(card)
    assert not {"datasets", "base_model", "license", "language", "model-index"} & metadata.values.keys()
    assert breaches(metadata) == []
    assert f"A model for question answering ({architecture})." in card
    assert "Fine-tuned from `/models/own` on `/data/own`." in card
    assert "## Intended use\n\nNot stated." in card
    assert "| Name | not stated | not stated |" in card
    assert "| Licence | not stated | not stated |" in card
    assert "Trained on /data/own (licence not stated). Based on /models/own (licence not stated). Its licence" in card


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        ("accept-first", "The gate accepted this model for release; there was no live release to compare it with."),
        ("refuse", "The gate refused this model: it is not released."),
    ],
)
def test_the_verdict_is_told(finished_run, contents, decision: str, sentence: str) -> None:
    finished_run.facts["verdict"].update(decision=decision, champion=None, difference={})

    assert card_body(template_values(contents()), picture=None).count(sentence) == 2


def test_that_nobody_can_tell_is_told(finished_run, contents) -> None:
    finished_run.facts["verdict"].update(decision="refuse", finding="too few examples to tell")

    assert (
        "The gate refused this model: it is not released. Too few questions were scored to tell whether it is as good "
        "as an earlier release."
    ) in card_body(template_values(contents()), None)


def test_an_unpaired_champion_is_told(finished_run, contents) -> None:
    finished_run.facts["verdict"].update(difference={}, differences={})

    assert "The live release was version 7; its scores cannot be compared with this model's." in card_body(
        template_values(contents()), None
    )


def test_overfitting_is_told(finished_run, contents) -> None:
    finished_run.facts["evaluation"]["loss"] = 1.64

    sentence = "The validation loss is 2.0 times the final training loss: the model overfits."
    assert sentence in card_body(template_values(contents()), picture=None)


def test_another_licence_has_its_name_and_link(finished_run, contents) -> None:
    finished_run.card.update(licence="other", licence_name="our-own-1.0", licence_link="LICENSE")

    card = card_with_front_matter(template_values(contents()), "figures/loss.png")

    assert read_front_matter(card).values["license_name"] == "our-own-1.0"
    assert breaches(read_front_matter(card)) == []


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(min_size=1, max_size=60))
def test_no_text_of_a_recipe_breaks_the_card(literal_contents, text: str) -> None:
    card = replace(
        literal_contents.card, description=f"a{text}", intended_use=f"b{text}", limits=f"c{text}", tags=[f"d{text}"]
    )
    changed = replace(literal_contents, card=card, slices={text: literal_contents.slices["windows"]})

    assert breaches(read_front_matter(card_with_front_matter(template_values(changed), "figures/loss.png"))) == []
    assert headings(card_body(template_values(changed), None)) == headings(
        card_body(template_values(literal_contents), None)
    )
