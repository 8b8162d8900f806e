import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest
import yaml
from podtune.errors import BadInput
from podtune.formats.model_card import MODEL_CARD
from podtune.steps.write_card.step import run


def inputs_and_outputs(finished_run: Any, directory: Path) -> Dict[str, Any]:
    names = {"features": "prepared_data_facts", "evaluation": "scores", "verdict": "verdict"}
    return {
        **{names.get(kind, f"{kind}_facts"): path for kind, path in finished_run.write().items()},
        "model_card": directory / "card",
        "readme": directory / "kfp" / "readme",
        "report": directory / "kfp" / "report",
    }


SECTIONS: Dict[str, Any] = {name: {} for name in ("source", "model", "features", "training", "evaluation", "gate")}
CARD_FILES = {
    "README.md",
    "report.html",
    "recipe.yaml",
    "provenance.json",
    "bom.cdx.json",
    "figures/loss.png",
    "manifest.json",
}


def files(directory: Path) -> Dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_the_card_its_picture_and_the_report_are_written(finished_run, tmp_path) -> None:
    paths = inputs_and_outputs(finished_run, tmp_path)

    run(**paths, **SECTIONS, card=finished_run.card, release={"name": "bert-base-uncased-squad"})

    assert set(files(tmp_path / "card")) == CARD_FILES
    assert set(files(tmp_path / "kfp")) == {"readme", "report"}
    assert files(tmp_path / "kfp")["report"] == files(tmp_path / "card")["report.html"]
    opened = MODEL_CARD.open(tmp_path / "card")
    assert opened.facts.name == "bert-base-uncased-squad"
    assert set(opened.manifest.facts) == {"name", "settings", *finished_run.write()}


def test_the_recipe_holds_the_sections_of_the_run(finished_run, tmp_path) -> None:
    paths, card = (
        inputs_and_outputs(finished_run, tmp_path),
        {"licence": "mit", "description": "Größe", "limits": "any"},
    )
    training = {"epochs": 1.0, "learning_rate": 5e-4, "warmup_ratio": 0.1, "ipu": None}  # as KFP passes them
    sections = {**SECTIONS, "training": training, "card": card, "release": {"name": "a"}}

    run(**paths, **sections)

    text = (tmp_path / "card" / "recipe.yaml").read_text(encoding="utf-8")
    assert "training:\n  epochs: 1\n  ipu: null\n  learning_rate: 0.0005\n  warmup_ratio: 0.1\n" in text
    assert yaml.safe_load(text) == {"name": "a", "task": "question-answering", **sections}
    assert "Größe" in text


def test_the_recipe_holds_no_signature(finished_run, tmp_path) -> None:
    """A presigned address is for who has it, a release for everybody."""
    source = {
        "data": "https://host/squad?X-Amz-Signature=canary",
        "splits": {"train": "https://host/train.json?sig=canary", "validation": "dev?.json"},
    }
    model = {"source": "https://host/model?token=canary", "decoder": {"source": "s3://bucket/gpt2"}}
    sections = {**SECTIONS, "source": source, "model": model}

    run(**inputs_and_outputs(finished_run, tmp_path), **sections, card=finished_run.card, release={"name": "a"})

    recipe = yaml.safe_load((tmp_path / "card" / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["source"] == {
        "data": "https://host/squad",
        "splits": {"train": "https://host/train.json", "validation": "dev?.json"},
    }
    assert recipe["model"] == {"source": "https://host/model", "decoder": {"source": "s3://bucket/gpt2"}}


def test_no_file_is_hashed_twice(finished_run, tmp_path, hashed) -> None:
    paths = inputs_and_outputs(finished_run, tmp_path)
    hashed.forget()

    run(**paths, **SECTIONS, card=finished_run.card, release={"name": "a"})

    assert len(hashed) == len(set(hashed))
    assert str(paths["scores"] / "examples.jsonl") in hashed


def test_the_same_records_give_the_same_bytes(finished_run, tmp_path) -> None:
    paths = inputs_and_outputs(finished_run, tmp_path)
    settings = {**SECTIONS, "card": finished_run.card, "release": {"name": "a"}}

    run(**paths, **settings)
    first = files(tmp_path)
    run(**paths, **settings)

    assert files(tmp_path) == first


def test_what_the_hub_refuses_is_not_written(finished_run, tmp_path) -> None:
    finished_run.facts["raw-data"]["dataset"] = "my own data"
    paths = inputs_and_outputs(finished_run, tmp_path)

    with pytest.raises(BadInput, match=r"datasets.0. must be an id on the Hub, such as owner/name; got 'my own data'"):
        run(**paths, **SECTIONS, card=finished_run.card, release={"name": "a"})

    assert not (tmp_path / "card").exists()
    assert not (tmp_path / "kfp").exists()


def test_every_mistake_in_the_section_is_reported_at_once(finished_run, tmp_path) -> None:
    paths = inputs_and_outputs(finished_run, tmp_path)
    card = {**finished_run.card, "licence": "apache2", "language": ["english"]}

    with pytest.raises(BadInput) as caught:
        run(**paths, **SECTIONS, card=card, release={"name": "a"})

    assert str(caught.value).splitlines() == [
        "card.licence must be one that the Hub lists, such as apache-2.0, or other; got 'apache2'",
        "card.language must be ISO 639-1 codes such as en; got 'english'",
    ]


def test_a_text_that_is_no_unicode_is_written_all_the_same(finished_run, tmp_path) -> None:
    finished_run.examples[1]["question"] = "half a pair: \ud83d"
    paths = inputs_and_outputs(finished_run, tmp_path)

    run(**paths, **SECTIONS, card=finished_run.card, release={"name": "a"})

    assert "half a pair: ?" in (tmp_path / "card" / "report.html").read_text(encoding="utf-8")


@pytest.mark.local
def test_the_step_runs_without_kfp(finished_run, tmp_path) -> None:
    paths = inputs_and_outputs(finished_run, tmp_path)
    (tmp_path / "card.yaml").write_text(yaml.safe_dump(finished_run.card))
    (tmp_path / "release.yaml").write_text("name: a\n")
    (tmp_path / "section.yaml").write_text("{}\n")
    arguments = [f"--{name.replace('_', '-')}={path}" for name, path in paths.items()]

    subprocess.run(
        [
            sys.executable,
            "-m",
            "podtune",
            "write_card",
            *arguments,
            f"--card={tmp_path / 'card.yaml'}",
            f"--release={tmp_path / 'release.yaml'}",
            *(f"--{name}={tmp_path / 'section.yaml'}" for name in SECTIONS),
        ],
        check=True,
    )

    assert (tmp_path / "card" / "README.md").is_file()
