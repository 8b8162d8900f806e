from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune.formats.features import FEATURES, FeaturesFacts
from podtune.sections import read_section, to_mapping
from podtune.tasks.image_captioning.settings import EvaluationSettings
from podtune.tasks.image_captioning.task import TASK


def test_the_evaluation_section_has_defaults() -> None:
    settings = read_section(EvaluationSettings, {}, "evaluation")

    assert (settings.split, settings.beams, settings.max_length, settings.length_penalty) == ("validation", 4, 64, 1.0)
    assert (settings.padded_length, settings.bootstrap_samples, settings.seed) == (0, 1000, 0)


@pytest.mark.parametrize(
    ("section", "mistake"),
    [
        ({"beams": 0}, "evaluation.beams must be at least 1; got 0"),
        ({"max_length": 0}, "evaluation.max_length must be at least 1; got 0"),
        ({"bootstrap_samples": 0}, "evaluation.bootstrap_samples must be at least 1; got 0"),
        ({"padded_length": -1}, "evaluation.padded_length must be at least 0; got -1"),
        ({"seed": -1}, "evaluation.seed must be at least 0; got -1"),
        ({"n_best": 20}, "n_best"),
    ],
)
def test_settings_that_make_no_sense_are_refused(section: "dict[str, int]", mistake: str) -> None:
    with pytest.raises(BadInput, match=mistake):
        read_section(EvaluationSettings, section, "evaluation")


def test_the_objective_searches_as_the_settings_say(captioner: Path, tmp_path: Path) -> None:
    with FEATURES.sealing(tmp_path / "features") as draft:
        draft.facts.update(to_mapping(FeaturesFacts("image-captioning", "raw", "tokenizer", 20, {}, {})))

    settings = EvaluationSettings(beams=2, max_length=3)
    objective = TASK.objective(FEATURES.open(tmp_path / "features"), settings)

    assert objective.longest(objective.load(captioner)) == 12
