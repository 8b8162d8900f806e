from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune.sections import Mistakes, read_settings_file
from podtune_pipelines.packaged import packaged_recipes, recipe_header
from podtune_pipelines.recipe import load_recipe, read_recipe
from podtune_pipelines.statements import forget_statements


def _packaged(name: str) -> Path:
    return next(path for path in packaged_recipes() if path.stem == name)


def test_every_packaged_recipe_is_named_like_its_file_and_says_what_to_expect() -> None:
    found = packaged_recipes()

    assert [path.stem for path in found] == [
        "bert-base-uncased-squad",
        "bert-tiny-squad",
        "lxmert-gqa-tiny",
        "lxmert-gqa-uncased",
        "lxmert-vqa-tiny",
        "lxmert-vqa-uncased",
        "minilm-squad",
        "roberta-base-squad",
        "vit-gpt2-tiny",
        "vit-gpt2-vizwiz",
    ]
    for path in found:
        assert load_recipe(path.stem).name == path.stem
        assert f"podtune run {path.stem}" in recipe_header(path)
        assert "Expect:" in recipe_header(path)


@pytest.mark.parametrize(
    ("name", "rate", "warmup", "batch_size", "iterations", "epochs", "seed"),
    [
        ("bert-base-uncased-squad", 6e-5, 0.1, 128, 2, 3, 42),
        ("roberta-base-squad", 6e-5, 0.25, 256, 1, 2, 1984),
        ("lxmert-vqa-uncased", 5e-5, 0.1, 32, 2, 4, 42),
        ("lxmert-gqa-uncased", 1e-5, 0.1, 32, 2, 4, 42),
    ],
)
def test_the_published_hyperparameters_are_carried(
    name: str, rate: float, warmup: float, batch_size: int, iterations: int, epochs: int, seed: int
) -> None:
    training = load_recipe(name).training

    assert training.learning_rate == rate
    assert training.warmup_ratio == warmup
    assert training.batch_size == batch_size
    assert training.device_iterations == iterations
    assert training.epochs == epochs
    assert training.seed == seed
    assert training.weight_decay == 0.01


@pytest.mark.parametrize(
    ("name", "reference", "rows"),
    [
        (
            "bert-base-uncased-squad",
            {"exact_match": 81.79754020813624, "f1": 88.84840994541061},
            {"train": 88524, "validation": 10784},
        ),
        (
            "roberta-base-squad",
            {"exact_match": 85.2696, "f1": 91.7455},
            {"train": 88568, "validation": 10790},
        ),
        (
            "lxmert-vqa-uncased",
            {"accuracy": 72.42196202278137, "loss": 0.0008745193481445312},
            {"train": 443757, "validation": 214354},
        ),
        (
            "lxmert-gqa-uncased",
            {"accuracy": 59.33514030612245, "loss": 1.9326171875},
            {"train": 943000, "validation": 12578},
        ),
        ("vit-gpt2-vizwiz", {"padded_loss": 0.0708}, {"train": 23431, "validation": 7750}),
    ],
)
def test_the_published_results_are_carried(name: str, reference: "dict[str, float]", rows: "dict[str, int]") -> None:
    recipe = load_recipe(name)

    assert recipe.card.reference is not None
    assert recipe.card.reference.metrics == reference
    assert recipe.expected_rows == rows


def test_a_value_can_be_changed_from_outside() -> None:
    recipe = load_recipe(
        "minilm-squad",
        ["training.epochs=1", "training.learning_rate=5e-5", "source.splits.train=/data/t.json"],
    )

    assert recipe.training.epochs == 1
    assert recipe.training.learning_rate == 5e-5
    assert recipe.source.splits["train"] == "/data/t.json"


def test_what_is_stated_of_a_source_falls_away_with_it() -> None:
    recipe = load_recipe("minilm-squad", ["source.data=/data/squad", "source.splits.train=train-v1.1.json"])

    assert (recipe.source.dataset, recipe.source.licence, recipe.source.revision) == ("", "", "")
    assert (recipe.model.model, recipe.model.licence) == ("sentence-transformers/all-MiniLM-L6-v2", "apache-2.0")
    assert (recipe.card.description, recipe.card.limits, recipe.card.licence) == ("", "", "")
    assert (recipe.source.gigabytes, recipe.model.gigabytes) == (0.0, 0.1)
    assert recipe.card.language == ["en"]
    assert recipe.expected_rows == {}


def test_what_is_stated_anew_stays() -> None:
    changes = ["model.source=/models/mine", "model.model=mine", "card.description=Mine.", "features.overlap=64"]

    recipe = load_recipe("bert-base-uncased-squad", changes)

    assert (recipe.model.model, recipe.model.licence, recipe.model.revision) == ("mine", "", "")
    assert (recipe.source.gigabytes, recipe.model.gigabytes) == (0.1, 0.0)
    assert (recipe.card.description, recipe.card.intended_use, recipe.card.reference) == ("Mine.", "", None)
    assert (recipe.source.dataset, recipe.source.licence) == ("rajpurkar/squad", "cc-by-sa-4.0")


@pytest.mark.parametrize(
    "change", ["features.max_length=256", "features.overlap=64", "model.source=sample://bert?seed=3"]
)
def test_expected_counts_hold_for_the_recipe_s_own_preparation(change: str) -> None:
    assert load_recipe("minilm-squad", [change]).expected_rows == {}
    assert load_recipe("minilm-squad", ["training.epochs=1"]).expected_rows == {"train": 88524, "validation": 10784}


def test_the_checksum_of_another_file_falls_away() -> None:
    source = {"sha256": {"train.questions": "a", "validation.questions": "b"}, "licence": "mit"}
    values = {"source": source}

    forget_statements(values, ["source.splits.train.questions"])

    assert values == {"source": {"sha256": {"validation.questions": "b"}}}


def test_captioning_carries_what_its_card_says() -> None:
    training = load_recipe("vit-gpt2-vizwiz").training

    assert (training.learning_rate, training.batch_size, training.epochs, training.seed) == (2e-5, 4, 5, 42)
    assert (training.warmup_ratio, training.weight_decay, training.max_gradient_norm) == (0.0, 0.0, 1.0)
    assert training.last_batch == "kept"


@pytest.mark.parametrize(("name", "answers", "labels"), [("vqa", 3129, "soft"), ("gqa", 1842, "hard")])
def test_questions_are_cut_at_twenty_tokens_and_answers_are_the_published(name: str, answers: int, labels: str) -> None:
    features = load_recipe(f"lxmert-{name}-uncased").features

    assert (features.max_length, features.regions) == (20, 36)
    assert (features.expected_answers, features.labels) == (answers, labels)


def test_the_files_of_a_split_can_be_changed_by_role() -> None:
    changes = ["source.splits.train.questions=/data/q.json", f"source.sha256.train.questions={'a' * 64}"]

    source = load_recipe("lxmert-vqa-uncased", changes).source

    assert source.splits["train.questions"] == "/data/q.json"
    assert source.sha256 == {"train.questions": "a" * 64}
    assert "train.features" in source.splits


def test_a_split_is_evaluated_whatever_files_it_has() -> None:
    with pytest.raises(Mistakes) as raised:
        load_recipe("lxmert-vqa-uncased", ["evaluation.split=train.questions"])

    assert raised.value.lines == ["evaluation.split must be one of train, validation; got 'train.questions'"]


def test_both_of_two_models_need_a_name_to_link_to() -> None:
    with pytest.raises(Mistakes) as raised:
        load_recipe("vit-gpt2-vizwiz", ["model.model=/", "model.decoder.model=a b"])

    assert [line.partition(":")[0] for line in raised.value.lines] == [
        "model.model must be a name or owner/name, as on the Hub",
        "model.decoder.model must be a name or owner/name, as on the Hub",
    ]


@pytest.mark.parametrize("model", ["model", "model.decoder"])
def test_both_of_two_models_are_pinned(model: str) -> None:
    with pytest.raises(Mistakes) as raised:
        load_recipe("vit-gpt2-vizwiz", [f"{model}.revision=main"])

    assert raised.value.lines == [
        f"{model}.revision must be a commit of 40 hexadecimal digits for hf://; got 'main'",
    ]


def test_every_mistake_of_every_section_is_reported_at_once() -> None:
    changes = ["training.epochs=0", "gate.florrs=3", "model.x=1", "release.name=A_b", "colour=red"]
    changes += ["evaluation.split=test", "card.reference.metrics.bleu=1"]

    with pytest.raises(Mistakes) as raised:
        load_recipe("bert-base-uncased-squad", changes)

    assert raised.value.lines == [
        "colour is not a setting; known are name, task, source, model, features, training, evaluation, gate, card, "
        "release",
        "model.x is not a setting; known are source, model, licence, revision, sha256, decoder, gigabytes",
        "training.epochs must be at least 1; got 0",
        "gate.florrs is not a setting; did you mean floors?",
        "release.name must be lower-case letters, digits and hyphens, at most 63; got 'A_b'",
        "card.reference.metrics.bleu must be one of exact_match, f1, loss; got 'bleu'",
        "evaluation.split must be one of train, validation; got 'test'",
    ]


def test_a_missing_section_and_an_unknown_task_are_named() -> None:
    values = read_settings_file(_packaged("minilm-squad"))
    del values["gate"]
    values["task"] = "translation"

    with pytest.raises(Mistakes) as raised:
        read_recipe(values)

    assert raised.value.lines == [
        "task must be one of question-answering, visual-question-answering, image-captioning; got 'translation'",
        "gate is missing",
    ]


def test_sections_that_do_not_go_together_are_refused() -> None:
    changes = ["gate.metric=bleu", "gate.floors.rouge=1", "evaluation.split=test", "model.model=my model"]

    with pytest.raises(Mistakes) as raised:
        load_recipe("minilm-squad", changes)

    assert raised.value.lines == [
        "gate.metric must be one of exact_match, f1; got 'bleu'",
        "gate.floors.rouge must be one of exact_match, f1; got 'rouge'",
        "model.model must be a name or owner/name, as on the Hub: the card links to it; got 'my model'",
        "evaluation.split must be one of train, validation; got 'test'",
    ]


@pytest.mark.parametrize("change", ["training.epochs", "=3", "training..epochs=1", ".x=1"])
def test_a_change_of_another_form_is_refused(change: str) -> None:
    with pytest.raises(BadInput, match=r"--set takes section\.key=value; got "):
        load_recipe("minilm-squad", [change])


def test_a_change_below_a_value_is_refused() -> None:
    with pytest.raises(BadInput, match="name holds a value, not settings"):
        load_recipe("minilm-squad", ["name.x=1"])


def test_an_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(BadInput, match="no recipe 'bert'; there are bert-base-uncased-squad, bert-tiny-squad"):
        load_recipe("bert")


def test_a_recipe_can_be_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(_packaged("bert-tiny-squad").read_text().replace("name: bert-tiny-squad", "name: mine"))

    assert load_recipe(str(path)).name == "mine"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("bert-tiny-squad", "bert-tiny-squad"),
        ("My Recipe_2", "my-recipe-2"),
        ("日本", "ucf2abf0c"),
        ("中文", "u72726d88"),
        ("übung", "bung-ue2001a74"),
        ("u\u0308bung", "bung-ue2001a74"),
        ("bung", "bung"),
    ],
)
def test_names_of_every_script_stay_distinct(name: str, slug: str) -> None:
    assert load_recipe("bert-tiny-squad", [f"name={name}"]).slug == slug
