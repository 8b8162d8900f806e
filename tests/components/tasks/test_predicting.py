from pathlib import Path

from podtune.formats.evaluation import EVALUATION
from podtune.tasks.image_captioning.settings import CaptionSettings
from podtune.tasks.predicting import open_released


def test_a_release_of_an_earlier_version_may_have_recorded_settings_that_are_gone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["VisionEncoderDecoderModel"]}')
    facts = {"task": "image-captioning", "checkpoint": "c", "features": "f", "split": "validation", "data": "d"}
    numbers = {"examples": 1, "rows": 1, "loss": 1.0, "seconds": 1.0, "metrics": {}, "slices": [], "settings": {}}
    with EVALUATION.sealing(tmp_path / "evaluation") as draft:
        draft.facts.update(facts, **numbers, preparation={"max_length": 20, "damaged_images": "stop"})

    assert open_released(tmp_path).recorded_features() == CaptionSettings(max_length=20)
