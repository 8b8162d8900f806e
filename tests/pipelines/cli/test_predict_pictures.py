"""podtune predict on models that see, all of them tiny."""

import base64
import json
from pathlib import Path
from typing import Any, Callable, List

import numpy as np
import pytest
import torch
from PIL import Image
from podtune.detector.network import Network
from podtune.detector.settings import DetectorConfig
from podtune.errors import BadInput
from podtune.formats.evaluation import EVALUATION, EvaluationFacts
from podtune.samples.models import caption_tokenizer, question_vocabulary, wordpiece_tokenizer, write_vit_gpt2
from podtune.sections import to_mapping
from safetensors.torch import save_file
from transformers import LxmertConfig, LxmertForQuestionAnswering, VisionEncoderDecoderModel

ANSWERS = ["yes", "no", "red"]
SMALL_DETECTOR = DetectorConfig(
    width=4,
    blocks=(1, 1, 1, 1),
    proposal_width=8,
    anchor_sizes=(16, 32),
    objects=5,
    attributes=4,
    shorter_side=64,
    longest_side=96,
    proposals_considered=120,
    proposals=60,
    pooling=4,
)


def write_record(directory: Path, task: str, preparation: Any, settings: Any) -> None:
    """What a release says of its evaluation."""
    facts = EvaluationFacts(
        task=task,
        checkpoint="c",
        features="f",
        split="validation",
        data="d",
        examples=1,
        rows=1,
        loss=1.0,
        metrics={},
        slices=[],
        settings=settings,
        seconds=1.0,
        preparation=preparation,
    )
    with EVALUATION.sealing(directory / "evaluation") as draft:
        draft.facts.update(to_mapping(facts))


@pytest.fixture
def lxmert(tmp_path: Path) -> Callable[..., Path]:
    """A function (features, labels, bias) that writes a released LXMERT; with a bias its answer is always the same."""

    def write(features: int = 2048, labels: str = "soft", bias: Any = (0.0, 0.0, 2.0)) -> Path:
        directory, vocabulary = tmp_path / "lxmert", question_vocabulary()
        sizes = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8, "visual_feat_dim": features}
        layers = {"l_layers": 1, "r_layers": 1, "x_layers": 1}
        config = LxmertConfig(vocab_size=len(vocabulary), num_qa_labels=3, **sizes, **layers)
        config.id2label = dict(enumerate(ANSWERS))
        torch.manual_seed(0)
        model = LxmertForQuestionAnswering(config)
        if bias:
            torch.nn.init.zeros_(model.answer_head.logit_fc[-1].weight)
            model.answer_head.logit_fc[-1].bias.data = torch.tensor(bias)
        model.save_pretrained(directory)
        wordpiece_tokenizer(vocabulary).save(str(directory / "tokenizer.json"))
        write_record(directory, "visual-question-answering", {"labels": labels, "max_length": 20}, {})
        return directory

    return write


@pytest.fixture
def regions_file(tmp_path: Path) -> Path:
    """LXMERT's TSV of two pictures, one and two."""
    boxes = np.tile(np.array([0, 0, 320, 240], dtype="<f4"), 36)
    lines: List[str] = []
    for name, value in (("one", 0.0), ("two", 3.0)):
        numbers, ones = np.zeros(36, dtype="<i8"), np.ones(36, dtype="<f4")
        arrays = (numbers, ones, numbers, ones, boxes, np.full(36 * 2048, value, dtype="<f4"))
        encoded = [base64.b64encode(array.tobytes()).decode("ascii") for array in arrays]
        lines.append("\t".join([name, "480", "640", *encoded[:4], "36", *encoded[4:]]) + "\n")
    (tmp_path / "regions.tsv").write_text("".join(lines))
    return tmp_path / "regions.tsv"


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    """A detector of 128 features, whose weights are nobody's."""
    (tmp_path / "detector").mkdir()
    (tmp_path / "detector" / "config.json").write_text(json.dumps(to_mapping(SMALL_DETECTOR)))
    generator = torch.Generator().manual_seed(7)
    weights = Network(SMALL_DETECTOR).state_dict()
    for name, tensor in weights.items():
        if tensor.is_floating_point() and "cell_anchors" not in name:
            tensor.normal_(std=max(1, tensor[0].numel()) ** -0.5, generator=generator)
        if name.endswith(("norm.weight", "running_var")):
            tensor.abs_().add_(0.5)
    weights["backbone.stem.conv1.weight"] /= 50
    save_file(weights, tmp_path / "detector" / "model.safetensors")
    return tmp_path / "detector"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    patches = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(patches).resize((96, 72), Image.Resampling.NEAREST).save(tmp_path / "photo.jpg")
    return tmp_path / "photo.jpg"


@pytest.fixture
def captioner(tmp_path: Path) -> Path:
    """A released captioning model that has one word for everything, and was evaluated with three of them."""
    write_vit_gpt2(tmp_path / "captioner", seed=0, hidden=8, heads=2)
    model = VisionEncoderDecoderModel.from_pretrained(tmp_path / "captioner")
    red = caption_tokenizer().token_to_id("Ġred")
    with torch.no_grad():
        final, words = model.decoder.transformer.ln_f, model.decoder.transformer.wte.weight
        final.weight.zero_()
        final.bias.zero_()
        words.zero_()
        final.bias[0], words[red, 0] = 1.0, 10.0
    model.save_pretrained(tmp_path / "captioner")
    search = {"beams": 2, "max_length": 3, "length_penalty": 1.0}
    write_record(tmp_path / "captioner", "image-captioning", {"image_size": 64}, search)
    return tmp_path / "captioner"


def test_a_question_about_published_regions_is_answered(lxmert: Any, regions_file: Path, ask: Any) -> None:
    printed = ask(lxmert(), "--question", "What color?", "--regions", regions_file, "--image-id", "two", "--top", 2)

    assert printed == "0.8808  red\n0.5000  yes\n"  # the logistic function of 2 and of 0


def test_where_one_answer_is_right_probabilities_add_up_to_one(lxmert: Any, regions_file: Path, ask: Any) -> None:
    arguments = ("--regions", regions_file, "--image-id", "one", "--top", 3, "--json")

    answers = json.loads(ask(lxmert(labels="hard"), "--question", "What color?", *arguments))

    assert [answer["answer"] for answer in answers] == ["red", "yes", "no"]
    assert [answer["probability"] for answer in answers] == pytest.approx([0.7870, 0.1065, 0.1065], abs=1e-4)


def test_the_answer_depends_on_the_regions(lxmert: Any, regions_file: Path, ask: Any) -> None:
    model = lxmert(bias=None)

    one, two = (
        ask(model, "--question", "What color?", "--regions", regions_file, "--image-id", name, "--top", 3, "--json")
        for name in ("one", "two")
    )

    assert one != two


def test_a_question_about_a_picture_is_answered_and_its_regions_are_drawn(
    lxmert: Any, detector: Path, photo: Path, ask: Any, tmp_path: Path
) -> None:
    arguments = ("--image", photo, "--detector", detector, "--draw", tmp_path / "drawn.png")

    printed = ask(lxmert(features=128), "--question", "What color?", *arguments)

    assert printed == "0.8808  red\n"
    drawn = Image.open(tmp_path / "drawn.png")
    assert drawn.size == (96, 72)
    assert drawn.tobytes() != Image.open(photo).tobytes()


def test_a_picture_is_described_as_the_model_was_evaluated(captioner: Path, photo: Path, ask: Any) -> None:
    assert ask(captioner, "--image", photo) == "red red red\n"
    assert json.loads(ask(captioner, "--image", photo, "--json")) == {"caption": "red red red"}


WAYS = "give --image and --detector, or --regions and --image-id"
QUESTION = ("--question", "What color?")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the model in {model} answers a question about a picture; give the question as --question"),
        ([*QUESTION], f"the model in {{model}} looks at regions of a picture; {WAYS}"),
        ([*QUESTION, "--image", "{photo}"], f"the model in {{model}} looks at regions of a picture; {WAYS}"),
        ([*QUESTION, "--regions", "{regions}"], f"the model in {{model}} looks at regions of a picture; {WAYS}"),
        (
            [*QUESTION, "--image", "{photo}", "--regions", "{regions}", "--image-id", "one"],
            f"--image and --regions exclude each other; {WAYS}",
        ),
        (
            [*QUESTION, "--context", "a text"],
            "--context is not for the model in {model}, which answers a question about a picture: --question, --image, "
            "--detector, --draw, --regions, --image-id, --top",
        ),
        (
            [*QUESTION, "--image", "{photo}", "--detector", "nowhere"],
            "there is no detector in nowhere; it should be a directory with model.safetensors",
        ),
        (
            [*QUESTION, "--image", "nowhere.jpg", "--detector", "nowhere"],
            "cannot read the picture nowhere.jpg: No such file or directory",
        ),
        (
            [*QUESTION, "--image", "{regions}", "--detector", "nowhere"],
            "the picture {regions} cannot be decoded: it is no image",
        ),
        (
            [*QUESTION, "--image", "{photo}", "--detector", "{detector}", "--draw", "drawn.txt"],
            "cannot draw into drawn.txt; its name must end with .png or .jpg",
        ),
        (
            [*QUESTION, "--image", "{photo}", "--detector", "{detector}"],
            "the detector finds 36 regions of 128 features; the model in {model} takes 36 of 2048: take the detector "
            "that its data was made with",
        ),
        (
            [*QUESTION, "--regions", "nowhere.tsv", "--image-id", "one"],
            "cannot read the regions from nowhere.tsv: No such file or directory",
        ),
        ([*QUESTION, "--regions", "{regions}", "--image-id", "six"], "{regions} has no row of the image 'six'"),
        (
            [*QUESTION, "--regions", "{model}/config.json", "--image-id", "one"],
            "{model}/config.json row 1: it has 1 columns; a row of region features has 10",
        ),
        (
            ["--question", " ", "--regions", "{regions}", "--image-id", "one"],
            "the question is empty; give a text",
        ),
        (
            ["--question", "what " * 19, "--regions", "{regions}", "--image-id", "one"],
            "the question has more than 20 tokens, all that the model reads; shorten it",
        ),
    ],
)
def test_what_cannot_be_asked_about_a_picture_is_told_in_one_line(
    lxmert: Any, regions_file: Path, detector: Path, photo: Path, ask: Any, arguments: Any, message: str
) -> None:
    places = {"model": lxmert(), "regions": regions_file, "detector": detector, "photo": photo}

    with pytest.raises(BadInput) as raised:
        ask(places["model"], *(argument.format(**places) for argument in arguments))

    assert str(raised.value) == message.format(**places)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the model in {model} describes a picture; give it as --image"),
        (
            ["--image", "{photo}", "--question", "What?"],
            "--question is not for the model in {model}, which describes a picture: --image",
        ),
        (["--image", "nowhere.jpg"], "cannot read the picture nowhere.jpg: No such file or directory"),
        (["--image", "{model}/config.json"], "the picture {model}/config.json cannot be decoded: it is no image"),
    ],
)
def test_what_cannot_be_described_is_told_in_one_line(
    captioner: Path, photo: Path, ask: Any, arguments: Any, message: str
) -> None:
    places = {"model": captioner, "photo": photo}

    with pytest.raises(BadInput) as raised:
        ask(captioner, *(argument.format(**places) for argument in arguments))

    assert str(raised.value) == message.format(**places)


def test_an_encoder_and_a_decoder_that_were_never_trained_together_are_refused(captioner: Path, ask: Any) -> None:
    (captioner / "model.safetensors").unlink()

    with pytest.raises(BadInput, match=r"holds an encoder and a decoder that are not one model yet; fine-tune them"):
        ask(captioner, "--image", "photo.jpg")


def test_a_model_that_does_not_name_its_answers_is_refused(lxmert: Any, regions_file: Path, ask: Any) -> None:
    model = lxmert()
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "id2label": {"0": "yes"}}))

    with pytest.raises(BadInput, match=r"does not name the model's 3 answers in id2label; download the model again$"):
        ask(model, *QUESTION, "--regions", regions_file, "--image-id", "one")


def test_a_picture_is_no_option_where_a_text_is_asked(tmp_path: Path, ask: Any) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert", "architectures": ["BertForQuestionAnswering"]}')

    with pytest.raises(BadInput, match=r"^--image is not for the model in .*, which answers a question from a text: "):
        ask(tmp_path, "--question", "What?", "--image", "photo.jpg")
