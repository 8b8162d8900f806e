"""What the card and the report say of tasks other than question answering."""

import re
from base64 import b64decode
from io import BytesIO
from typing import Any, Callable, Dict

import pytest
from PIL import Image
from podtune.cards.front_matter import read_front_matter
from podtune.cards.hub_rules import breaches
from podtune.steps.write_card import tables
from podtune.steps.write_card.curves import curves_of
from podtune.steps.write_card.readme import card_body, card_with_front_matter
from podtune.steps.write_card.report import html_report
from podtune.steps.write_card.tables import template_values


def rows_of(table: Any) -> Dict[str, Any]:
    return {row[0]: tuple(row[1:]) for row in table.rows}


def report_of(contents: Any) -> str:
    return html_report(template_values(contents), curves_of(contents.records))


def test_the_card_of_a_literal_vqa_run_is_the_golden_one(
    visual_run: Any, contents: Any, golden: Callable[[str, str], None]
) -> None:
    card = card_with_front_matter(template_values(contents()), "figures/loss.png")

    golden("write_card/README-vqa.md", card)
    assert breaches(read_front_matter(card)) == []


def test_the_card_of_a_literal_captioning_run_is_the_golden_one(
    captioning_run: Any, contents: Any, golden: Callable[[str, str], None]
) -> None:
    card = card_with_front_matter(template_values(contents()), "figures/loss.png")

    golden("write_card/README-captions.md", card)
    assert breaches(read_front_matter(card)) == []


def test_the_report_of_a_literal_captioning_run_is_the_golden_one(
    captioning_run: Any, contents: Any, golden: Callable[[str, str], None]
) -> None:
    golden("write_card/report-captions.html", report_of(contents()))


def test_vqas_accuracy_is_no_share_of_right_questions(visual_run: Any, contents: Any) -> None:
    table = tables.results(contents())

    assert table.header == ("Metric", "Value", "95% interval by image")
    assert rows_of(table) == {"Accuracy": ("72.42", "72.25 to 72.60"), "Loss": ("0.0008745", "")}


def test_gqas_accuracy_is_a_share_of_right_questions(visual_run: Any, contents: Any) -> None:
    visual_run.facts["features"]["settings"]["labels"] = "hard"
    visual_run.facts["evaluation"].update(
        examples=12578, rows=12578, metrics={"accuracy": {"value": 100 * 7464 / 12578, "low": 58.5, "high": 60.2}}
    )

    card = card_body(template_values(contents()), picture=None)

    assert "| Accuracy | 59.34 | 58.50 to 60.20 | 7,464 of 12,578 |" in card
    assert (
        "The loss is the mean cross-entropy over those of the 12,578 questions whose answer is in the vocabulary."
        in card
    )
    assert "question_answering_score[0].softmax(0)" in card


def test_a_published_loss_of_vqa_is_compared_to_its_decisive_digits(visual_run: Any, contents: Any) -> None:
    assert rows_of(tables.comparison(contents())) == {
        "Accuracy": ("72.42", "72.42", "+0.00", "yes"),
        "Loss": ("0.0008745", "0.0008745", "+7e-10", "no interval"),
    }


def test_a_small_training_loss_keeps_its_decisive_digits(visual_run: Any, contents: Any) -> None:
    visual_run.facts["checkpoint"]["train_loss"] = 0.0060234
    visual_run.log = [{"step": 2070, "epoch": 3.0, "loss": 0.00081239, "learning_rate": 0.0}]

    rows = rows_of(tables.run(contents()))

    assert rows["Training loss"] == ("0.006023 (mean over all steps, including the first)",)
    assert rows["Final training loss"] == ("0.0008124 (mean over the last tenth of the steps)",)


def test_what_the_preparation_counted_stands_beside_the_amounts(visual_run: Any, contents: Any) -> None:
    assert rows_of(tables.amounts(contents())) == {
        "Questions": ("443,757", "214,354"),
        "Tokens": ("3,994,000", "1,929,000"),
        "Images": ("82,783", "40,504"),
        "Out of vocabulary": ("10,012", "12,345"),
    }
    assert rows_of(tables.preparation(contents())) == {"Answers": ("3,129",)}


def test_the_worst_of_vqa_tell_how_many_people_gave_which_answer(visual_run: Any, contents: Any) -> None:
    report = report_of(contents())

    assert "<dt>answers</dt><dd>3 × down · at table · skateboard</dd>" in report
    assert "<dt>image</dt><dd>COCO_val2014_000000262148</dd>" in report
    assert "<img" not in report


def test_cider_is_not_said_to_be_in_percent(captioning_run: Any, contents: Any) -> None:
    report = report_of(contents())

    assert "Metrics are percentages, except CIDEr-D (0 to 10)." in report
    assert '<rect class="fill" width="6.1"' in report
    assert "Validation during training, CIDEr-D" in report
    assert contents().comparisons[0].published == 0.0708


def test_a_base_model_of_two_is_named_with_both(captioning_run: Any, contents: Any) -> None:
    front = read_front_matter(card_with_front_matter(template_values(contents()), "figures/loss.png")).values

    assert front["base_model"] == ["google/vit-base-patch16-224-in21k", "openai-community/gpt2"]
    assert rows_of(tables.origins(contents()))["Licence"] == ("cc-by-4.0", "apache-2.0", "mit")


def test_captions_stand_beside_their_pictures_in_their_own_shape(captioning_run: Any, contents: Any) -> None:
    report = report_of(contents())

    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]*)"', report)
    colours = [Image.open(BytesIO(b64decode(picture))).getpixel((8, 8)) for picture in pictures]
    assert [max(range(3), key=colour.__getitem__) for colour in colours] == [2, 1, 0]  # worst, then best
    assert 'width="32" height="16"' in report


@pytest.mark.parametrize("name", ["bleu_4", "meteor"])
def test_metrics_that_are_one_number_over_all_are_no_columns_of_parts(
    captioning_run: Any, contents: Any, name: str
) -> None:
    (table,) = tables.slices(contents())

    assert name not in table.header
    assert table.header[2:] == ("CIDEr-D", "ROUGE-L")
