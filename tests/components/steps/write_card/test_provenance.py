"""What machines read of a model, checked by the formats' own libraries."""

import json
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from podtune.steps.write_card.step import run

Written = Callable[..., Dict[str, Any]]


@pytest.fixture
def written(finished_run: Any, tmp_path: Path) -> Written:
    """A function (file, source) that writes the card of the finished run and reads one of its JSON files."""

    def write(file: str, **source: str) -> Dict[str, Any]:
        names = {"features": "prepared_data_facts", "evaluation": "scores", "verdict": "verdict"}
        run(
            **{names.get(kind, f"{kind}_facts"): path for kind, path in finished_run.write().items()},
            **{name: tmp_path / name for name in ("readme", "report")},
            **{name: {} for name in ("model", "features", "evaluation", "gate")},
            model_card=tmp_path / "card",
            source=source,
            training={"epochs": 3.0},
            card=finished_run.card,
            release={"name": "bert-base-uncased-squad"},
        )
        return dict(json.loads((tmp_path / "card" / file).read_text(encoding="utf-8")))

    return write


def test_the_provenance_is_an_in_toto_statement_with_slsas_predicate(written: Written) -> None:
    found = written("provenance.json")

    statement = json_format.ParseDict(found, statement_pb2.Statement())
    Statement.copy_from_pb(statement).validate()
    predicate = json_format.ParseDict(found["predicate"], provenance_pb2.Provenance())
    assert statement.type == "https://in-toto.io/Statement/v1"
    assert statement.predicate_type == "https://slsa.dev/provenance/v1"
    assert predicate.run_details.metadata.finished_on.ToJsonString() == "2026-10-02T08:15:00Z"
    assert predicate.run_details.builder.version["transformers"] == "5.23.0"


def test_the_provenance_leads_from_the_model_to_recipe_data_and_base_model(written: Written, finished_run: Any) -> None:
    found = written("provenance.json", data="https://example.org/squad?sig=canary")

    definition = found["predicate"]["buildDefinition"]
    assert [subject["name"] for subject in found["subject"]] == ["config.json", "model.safetensors"]
    assert definition["externalParameters"]["recipe"]["training"] == {"epochs": 3}
    assert definition["externalParameters"]["recipe"]["source"] == {"data": "https://example.org/squad"}
    whole = [part for part in definition["resolvedDependencies"] if "/" in part["name"] and "uri" in part]
    assert [(part["name"], part["uri"], part["digest"]["gitCommit"]) for part in whole] == [
        ("rajpurkar/squad", "hf://datasets/rajpurkar/squad", "7b6d24c440a36b6815f21b70d25016731768db1f"),
        (
            "google-bert/bert-base-uncased",
            "hf://google-bert/bert-base-uncased",
            "86b5e0934494bd15c9632b12f734a8a67f723594",
        ),
    ]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("", []),
        ("example.org/a/python-gpu:0.1.0", [{"uri": "example.org/a/python-gpu:0.1.0"}]),
        (
            f"example.org/a/python-gpu:0.1.0@sha256:{'d' * 64}",
            [{"uri": "example.org/a/python-gpu:0.1.0", "digest": {"sha256": "d" * 64}}],
        ),
    ],
    ids=["unknown", "tag", "digest"],
)
def test_the_image_is_what_the_builder_depended_on(
    written: Written, finished_run: Any, image: str, expected: Any
) -> None:
    finished_run.facts["checkpoint"]["image"] = image

    found = written("provenance.json")

    statement = json_format.ParseDict(found, statement_pb2.Statement())
    Statement.copy_from_pb(statement).validate()
    assert found["predicate"]["runDetails"]["builder"].get("builderDependencies", []) == expected


def test_the_bill_of_materials_is_valid_cyclonedx(written: Written) -> None:
    found = written("bom.cdx.json")

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(found)) is None


def test_the_bill_of_materials_lists_what_the_model_is_made_of(written: Written) -> None:
    found = written("bom.cdx.json")

    model, parts = found["metadata"]["component"], found["components"]
    assert (model["type"], model["name"]) == ("machine-learning-model", "bert-base-uncased-squad")
    assert model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"][0]["type"] == "exact_match"
    assert [(part["type"], part["name"]) for part in parts[:2]] == [
        ("machine-learning-model", "google-bert/bert-base-uncased"),
        ("data", "rajpurkar/squad"),
    ]
    assert parts[1]["licenses"] == [{"license": {"name": "cc-by-sa-4.0"}}]
    assert [(part["name"], part["version"]) for part in parts[2:]] == [
        ("podtune", "0.1.0"),
        ("python", "3.11.14"),
        ("torch", "2.13.0+cpu"),
        ("transformers", "5.23.0"),
    ]
    assert found["dependencies"] == [{"ref": "model", "dependsOn": [part["bom-ref"] for part in parts]}]
