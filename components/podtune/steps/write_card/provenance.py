"""Where a model came from and what it is made of, in the two forms that machines read.

`provenance.json` is an in-toto Statement v1 with SLSA's provenance v1; `bom.cdx.json` is CycloneDX 1.6 with its card of
a machine-learning model. Both are the same bytes whenever they are made of the same run.
"""

import re
import uuid
from typing import Any, Dict, List, Mapping, Optional

from podtune.formats.base_model import DecoderFacts
from podtune.formats.checkpoint import MODEL
from podtune.formats.raw_data import RawDataFacts
from podtune.steps.write_card.contents import Contents
from podtune.steps.write_card.records import Records

STATEMENT = "https://in-toto.io/Statement/v1"
SLSA_PROVENANCE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:podtune:fine-tuning:v1"
"""externalParameters is {"recipe"}: what `podtune run` takes."""

_GIT_COMMIT = re.compile(r"[0-9a-f]{40}")


def provenance(records: Records, recipe: Mapping[str, Any]) -> Dict[str, Any]:
    """State which recipe made the model's files of which data and which pretrained model."""
    checkpoint = records.checkpoint
    metadata = {"finishedOn": checkpoint.finished} if checkpoint.finished else {}
    return {
        "_type": STATEMENT,
        "subject": [
            {"name": name[len(MODEL) + 1 :], "digest": {"sha256": entry.sha256}}
            for name, entry in sorted(records.files["checkpoint"].items())
            if name.startswith(f"{MODEL}/")
        ],
        "predicateType": SLSA_PROVENANCE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"recipe": recipe},
                "internalParameters": {"hardware": checkpoint.hardware},
                "resolvedDependencies": [*_data_files(records), *_model_files(records)],
            },
            "runDetails": {
                "builder": {"id": "urn:podtune", "version": checkpoint.software, **_image(checkpoint.image)},
                "metadata": {"invocationId": records.digests["checkpoint"], **metadata},
            },
        },
    }


def bill_of_materials(contents: Contents) -> Dict[str, Any]:
    """List the model, the pretrained models and the data it is made of, and the software that made it."""
    records = contents.records
    bases = [_base_component(base, f"base-model-{number}") for number, base in enumerate(contents.base_models, start=1)]
    software = [
        {"type": "library", "bom-ref": name, "name": name, "version": version}
        for name, version in sorted(records.checkpoint.software.items())
    ]
    parts = [*bases, _data_component(records.raw_data), *software]
    finished = records.checkpoint.finished
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, records.digests['evaluation'])}",
        "version": 1,
        "metadata": {**({"timestamp": finished} if finished else {}), "component": _model_component(contents)},
        "components": parts,
        "dependencies": [{"ref": "model", "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def _data_files(records: Records) -> List[Dict[str, Any]]:
    """Describe every file of the data that is a split's own, such as train.json, and not one picture of thousands."""
    facts = records.raw_data
    found = {file: entry for file, entry in records.files["raw_data"].items() if file in facts.splits.values()}
    origins = {facts.splits[split]: origin for split, origin in facts.origins.items() if split in facts.splits}
    whole = _descriptor(facts.dataset or facts.source, facts.source, records.digests["raw_data"], facts.revision)
    return [whole, *(_descriptor(file, origins.get(file, ""), entry.sha256) for file, entry in sorted(found.items()))]


def _model_files(records: Records) -> List[Dict[str, Any]]:
    facts = records.base_model
    whole = _descriptor(facts.model or facts.source, facts.source, records.digests["base_model"], facts.revision)
    files = sorted(records.files["base_model"].items())
    return [whole, *(_descriptor(f"{MODEL}/{name}", "", entry.sha256) for name, entry in files)]


def _descriptor(name: str, uri: str, sha256: str, revision: str = "") -> Dict[str, Any]:
    """Describe a file, or a whole artifact, whose SHA-256 is that of its manifest.json."""
    commit = {"gitCommit": revision} if _GIT_COMMIT.fullmatch(revision) else {}
    return {"name": name, **({"uri": uri} if uri else {}), "digest": {"sha256": sha256, **commit}}


def _image(name: str) -> Dict[str, Any]:
    """Describe the container image of the training, by its digest where the pipeline named it so."""
    uri, _, digest = name.partition("@")
    algorithm, _, value = digest.partition(":")
    image = {"uri": uri, **({"digest": {algorithm: value}} if value else {})}
    return {"builderDependencies": [image]} if name else {}


def _model_component(contents: Contents) -> Dict[str, Any]:
    records, evaluation = contents.records, contents.records.evaluation
    weights = records.files["checkpoint"].get(f"{MODEL}/model.safetensors")
    limits = {"considerations": {"technicalLimitations": [contents.card.limits]}} if contents.card.limits else {}
    return {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": contents.name,
        "description": contents.description,
        **({"hashes": [{"alg": "SHA-256", "content": weights.sha256}]} if weights else {}),
        **_licences(contents.card.licence_name or contents.card.licence),
        "modelCard": {
            "modelParameters": {
                "approach": {"type": "supervised"},
                "task": records.features.task,
                "architectureFamily": "transformer",
                "modelArchitecture": records.checkpoint.architecture or records.base_model.model_type,
                "datasets": [{"ref": "data"}],
            },
            "quantitativeAnalysis": {
                "performanceMetrics": [
                    {
                        "type": result.name,
                        "value": str(result.value),
                        "slice": evaluation.split,
                        "confidenceInterval": {"lowerBound": str(result.low), "upperBound": str(result.high)},
                    }
                    for result in contents.results
                ]
            },
            **limits,
        },
    }


def _base_component(base: DecoderFacts, reference: str) -> Dict[str, Any]:
    component = {"type": "machine-learning-model", "bom-ref": reference, "name": base.model or base.source}
    return {**component, **_origin(base.revision, base.licence, base.source)}


def _data_component(data: RawDataFacts) -> Dict[str, Any]:
    component = {"type": "data", "bom-ref": "data", "name": data.dataset or data.source}
    return {**component, **_origin(data.revision, data.licence, data.source)}


def _origin(revision: str, licence: str, source: str) -> Dict[str, Any]:
    found: Dict[str, Any] = {"version": revision} if revision else {}
    return {**found, **_licences(licence), "properties": [{"name": "podtune:source", "value": source}]}


def _licences(licence: Optional[str]) -> Dict[str, Any]:
    """By name: the Hub's identifiers are in lower case, SPDX's are not."""
    return {"licenses": [{"license": {"name": licence}}]} if licence else {}
