import json
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest
from podtune.errors import BadInput, PodtuneError
from podtune.tasks.image_captioning.scores import caption_length, score_captions
from podtune.tasks.image_captioning.settings import EvaluationSettings
from tokenizers import Tokenizer, models, pre_tokenizers

VOCABULARY = ["<|endoftext|>", "a", "dog", "runs", "home", "two", "red", "cars", "stop", "\n", "."]
DOG = {
    "id": "7",
    "file": "VizWiz_val_00000007.jpg",
    "sha256": "7" * 64,
    "captions": ["A dog runs home."],
    "references": ["A dog runs home.", "a dog runs"],
    "slices": {"text_detected": "no"},
}
CARS = {
    "id": "8",
    "file": "b.jpg",
    "sha256": "8" * 64,
    "captions": ["Two red cars stop"],
    "references": ["Two red cars stop"],
    "slices": {},
}
# Their scores are known from the published program (pycocoevalcap 1.2). The token ids stand for
# <|endoftext|> a dog runs home . <|endoftext|>, and two two line-end cars <|endoftext|> …
GENERATED = [[0, 1, 2, 3, 4, 10, 0], [5, 5, 9, 7, 0, 0, 0]]


def features(folder: Path, images: List[Dict[str, Any]]) -> Path:
    (folder / "validation").mkdir()
    lines = "".join(json.dumps(image) + "\n" for image in images)
    (folder / "validation" / "images.jsonl").write_text(lines, encoding="utf-8")
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(VOCABULARY)}, unk_token="."))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(VOCABULARY[:1])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def outputs(*losses: float) -> Dict[str, np.ndarray]:
    return {
        "generated": np.array(GENERATED, dtype=np.int64),
        "loss_sum": np.array(losses, dtype=np.float32),
        "loss_tokens": np.array([6, 2], dtype=np.int64),
    }


@pytest.fixture(autouse=True)
def no_meteor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PODTUNE_METEOR_JAR", raising=False)


def test_every_image_is_scored(tmp_path: Path) -> None:
    scored = score_captions(features(tmp_path, [DOG, CARS]), "validation", outputs(1.0, 3.0), EvaluationSettings())

    assert scored.metrics["rouge_l"].tolist() == pytest.approx([100.0, 55.70776255707762], rel=1e-12)
    assert scored.metrics["cider"].tolist() == pytest.approx([7.945836119131615, 1.102613076466734], rel=1e-12)
    assert scored.values == {
        "bleu_1": pytest.approx(74.30381995735735, rel=1e-12),
        "bleu_2": pytest.approx(62.16703597532959, rel=1e-12),
        "bleu_3": pytest.approx(60.673027320935766, rel=1e-12),
        "bleu_4": pytest.approx(66.33400685804412, rel=1e-12),
        "rouge_l": pytest.approx(77.85388127853881, rel=1e-12),
        "cider": pytest.approx(4.524224597799174, rel=1e-12),
    }


def test_the_loss_is_the_mean_over_the_tokens(tmp_path: Path) -> None:
    scored = score_captions(features(tmp_path, [DOG, CARS]), "validation", outputs(1.0, 3.0), EvaluationSettings())

    assert scored.loss == 0.5


def padded(tmp_path: Path) -> Path:
    """Two images, of which the first has two captions; the longest of the three has 4 tokens."""
    folder = features(tmp_path, [DOG, CARS])
    np.save(folder / "validation" / "images.npy", np.zeros((2, 1, 1, 3), np.uint8))
    np.save(folder / "validation" / "captions_of.npy", np.array([0, 2, 3]))
    np.save(folder / "validation" / "tokens.values.npy", np.array([1, 2, 3, 0, 2, 0, 6, 0], np.int32))
    np.save(folder / "validation" / "tokens.offsets.npy", np.array([0, 4, 6, 8]))
    return folder


def test_the_loss_is_also_noted_as_it_is_where_padding_is_counted(tmp_path: Path) -> None:
    scored = score_captions(padded(tmp_path), "validation", outputs(1.0, 3.0), EvaluationSettings(padded_length=8))

    assert scored.loss == 0.5
    assert scored.notes == {"padded_loss": pytest.approx(4 / 24)}


def test_no_padding_is_noted_by_default(tmp_path: Path) -> None:
    scored = score_captions(padded(tmp_path), "validation", outputs(1.0, 3.0), EvaluationSettings(padded_length=0))

    assert scored.notes == {}


def test_captions_cannot_be_padded_to_less_than_they_have(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^evaluation\.padded_length must be at least 4, the tokens of .*; got 3$"):
        score_captions(padded(tmp_path), "validation", outputs(1.0, 3.0), EvaluationSettings(padded_length=3))


def test_predictions_are_cocos_results_one_line_each(tmp_path: Path) -> None:
    scored = score_captions(features(tmp_path, [DOG, CARS]), "validation", outputs(1.0, 3.0), EvaluationSettings())

    assert scored.predictions == [
        {"image_id": 7, "caption": "a dog runs home ."},
        {"image_id": 8, "caption": "two two cars"},
    ]


def test_a_record_says_all_about_its_image(tmp_path: Path) -> None:
    scored = score_captions(features(tmp_path, [DOG, CARS]), "validation", outputs(1.0, 3.0), EvaluationSettings())

    assert scored.records[0] == {
        "id": "7",
        "image": "VizWiz_val_00000007.jpg",
        "prediction": "a dog runs home .",
        "answers": ["A dog runs home.", "a dog runs"],
        "scores": {"rouge_l": 100.0, "cider": pytest.approx(7.945836119131615)},
        "slices": {"caption_length": "up to 9 words", "text_detected": "no"},
    }
    assert scored.records[1]["slices"] == {"caption_length": "up to 9 words"}


def test_bleu_is_worked_out_for_any_images(tmp_path: Path) -> None:
    scored = score_captions(features(tmp_path, [DOG, CARS]), "validation", outputs(1.0, 3.0), EvaluationSettings())

    assert list(scored.corpus) == ["bleu_1", "bleu_2", "bleu_3", "bleu_4"]
    assert scored.corpus["bleu_4"](np.array([0, 0])) == pytest.approx(100.0)
    assert scored.corpus["bleu_1"](np.array([1])) == pytest.approx(47.76875400640681)


def test_meteor_is_one_more_where_it_could_be_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wholly = [4, 4, 1, 1, 3, 3, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 4]
    statistics = np.array([wholly, [3, 4] + [0] * 21], dtype=np.float64)
    monkeypatch.setattr("podtune.tasks.image_captioning.scores.meteor_statistics", lambda *asked: statistics)

    scored = score_captions(features(tmp_path, [DOG, CARS]), "validation", outputs(1.0, 3.0), EvaluationSettings())

    assert list(scored.values)[4] == "meteor"
    assert scored.corpus["meteor"](np.array([0, 0])) == 100.0
    assert scored.corpus["meteor"](np.array([1])) == 0.0


@pytest.mark.parametrize(
    ("words", "bucket"), [((9, 9), "up to 9 words"), ((9, 11), "10 to 14 words"), ((20, 10), "15 words or more")]
)
def test_an_image_belongs_to_its_captions_mean_length(words: List[int], bucket: str) -> None:
    assert caption_length([["word"] * count for count in words]) == bucket


def test_a_loss_that_is_not_finite_is_refused_with_the_image(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^the model's loss of image '8' is nan, not finite; .* float32$"):
        score_captions(features(tmp_path, [DOG, CARS]), "validation", outputs(1.0, float("nan")), EvaluationSettings())


def test_outputs_of_other_images_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(PodtuneError, match=r"^the model gave 2 values of generated for 1 images; make the features"):
        score_captions(features(tmp_path, [DOG]), "validation", outputs(1.0, 3.0), EvaluationSettings())


def test_an_image_without_a_true_caption_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PodtuneError, match=r"^image '8' has no caption to be scored against; make the features again$"):
        score_captions(
            features(tmp_path, [DOG, {**CARS, "references": []}]), "validation", outputs(1.0, 3.0), EvaluationSettings()
        )
