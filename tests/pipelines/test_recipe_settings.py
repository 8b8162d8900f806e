from pathlib import Path
from typing import Any, Dict

import pytest
from podtune.errors import BadInput
from podtune_pipelines.packaged import packaged_recipes
from podtune_pipelines.recipe import load_recipe
from podtune_pipelines.recipe_settings import all_settings, as_markdown, as_text, page, settings_under
from yaml import safe_load


def keys_of(values: Dict[str, Any], above: str = "") -> "set[str]":
    """The dotted keys of a recipe file; what a mapping of texts or numbers holds are no keys of ours."""
    found = set()
    for key, value in values.items():
        found.add(f"{above}{key}")
        if isinstance(value, dict) and f"{above}{key}" not in ("source.splits", "source.sha256", "gate.floors"):
            found |= keys_of(value, f"{above}{key}.")
    return found


def test_every_setting_says_what_it_means() -> None:
    assert [one.key for one in all_settings() if not one.text] == []


@pytest.mark.parametrize("recipe", packaged_recipes(), ids=lambda path: path.stem)
def test_every_key_of_a_packaged_recipe_is_there(recipe: Any) -> None:
    known = {one.key for one in all_settings() if one.task in ("", load_recipe(recipe.stem).task)}
    written = {key for key in keys_of(safe_load(recipe.read_text("utf-8"))) if not key.count(".expected_")}

    assert {key for key in written if "." in key and not key.startswith("card.reference.metrics.")} <= known


def test_a_setting_has_its_type_its_default_and_its_text() -> None:
    assert as_text(settings_under("training.log_every")) == (
        "training.log_every: whole number, default 10\n    Optimizer steps between two lines of the log."
    )


def test_what_tasks_have_differently_is_told_apart() -> None:
    lines = [line for line in as_text(settings_under("features.max_length")).splitlines() if not line.startswith(" ")]

    assert lines == [
        "features.max_length: whole number, default 384 (question-answering)",
        "features.max_length: whole number, default 20 (visual-question-answering)",
        "features.max_length: whole number, default 64 (image-captioning)",
    ]


def test_a_section_within_a_section_follows_it() -> None:
    keys = [one.key for one in settings_under("model.decoder")]

    assert keys[:2] == ["model.decoder", "model.decoder.source"]


@pytest.mark.parametrize(
    ("part", "cure"),
    [
        ("trainin", "did you mean training?"),
        ("training.batchsize", "did you mean training.batch_size?"),
        ("xyz", "sections are source, model, features, training, evaluation, gate, card, release"),
    ],
)
def test_an_unknown_one_is_answered_with_what_is_close(part: str, cure: str) -> None:
    with pytest.raises(BadInput) as raised:
        settings_under(part)

    assert str(raised.value) == f"{part} is no section and no setting of a recipe; {cure}"


def test_a_page_has_a_table_for_each_section() -> None:
    page = as_markdown(settings_under("release"))

    assert page == (
        "## `release`\n\n| key | type | default | meaning |\n|---|---|---|---|\n"
        "| `release.name` | text | required | Lower-case letters, digits and hyphens, at most 63; part of object keys "
        "and Kubernetes names. |\n"
        "| `release.approval` | automatic or manual | automatic | Who makes a model live that passed the gate: the run "
        "itself, or a person with `podtune approve`. |\n"
        "| `release.notify` | true or false | false | Whether whoever PODTUNE_NOTIFY_URL names is told how each run "
        "ended: released, waiting for approval, refused, failed or skipped. |\n"
        "| `release.remind_after_days` | whole number | 0 | Days without a new version after which what is told "
        "reminds of that; 0 for never. |\n"
    )


def test_the_documentation_has_the_same() -> None:
    written = (Path(__file__).parents[2] / "docs" / "settings.md").read_text("utf-8")

    assert written == page(), "docs/settings.md differs; write it by `make docs`, and read the difference"
