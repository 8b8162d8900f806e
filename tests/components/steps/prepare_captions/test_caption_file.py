import json
from pathlib import Path
from typing import Any, Dict

import pytest
from podtune.errors import BadInput
from podtune.formats.raw_data import DataFile
from podtune.formats.set_aside import SetAside
from podtune.steps.prepare_captions.caption_file import CaptionFile, read_caption_file
from podtune.tasks.image_captioning.settings import CaptionSettings

REJECTED = {"caption": "nice", "is_rejected": True, "is_precanned": False}
PRECANNED = {"caption": "Quality issues …", "is_rejected": False, "is_precanned": True}
BOTH = {"caption": "Quality issues …", "is_rejected": True, "is_precanned": True}


def read(tmp_path: Path, document: Any, **settings: Any) -> CaptionFile:
    path = tmp_path / "val.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    chosen = CaptionSettings(**settings)
    return read_caption_file(DataFile(path), chosen, SetAside(chosen))


def of_image(**values: Any) -> Dict[str, Any]:
    image = {"id": 1, "file_name": "a.jpg"}
    return {"images": [image], "annotations": [{"image_id": 1, "caption": "a cat", **values}]}


def test_images_have_their_captions_in_the_files_order(tmp_path: Path) -> None:
    document = {
        "images": [{"id": 23432, "file_name": "b.jpg"}, {"id": 23431, "file_name": "a.jpg"}],
        "annotations": [
            {"image_id": 23431, "caption": "first"},
            {"image_id": 23432, "caption": "b"},
            {"image_id": 23431, "caption": "second"},
        ],
    }

    images = read(tmp_path, document).images

    assert [(image.id, image.file, image.captions) for image in images] == [
        ("23432", "b.jpg", ["b"]),
        ("23431", "a.jpg", ["first", "second"]),
    ]


def test_rejected_and_precanned_captions_are_left_out_and_counted(tmp_path: Path, caption_file: Any) -> None:
    document = caption_file({"a.jpg": [REJECTED, "a cat", PRECANNED, BOTH], "b.jpg": [PRECANNED]})

    found = read(tmp_path, document)

    assert [image.captions for image in found.images] == [["a cat"], []]
    assert found.counts == {
        "captions": 5,
        "rejected_captions": 2,
        "precanned_captions": 2,
        "empty_captions": 0,
        "captions_set_aside": 0,
    }


def test_they_can_be_kept(tmp_path: Path, caption_file: Any) -> None:
    document = caption_file({"a.jpg": [REJECTED, "a cat", PRECANNED, BOTH]})

    without_precanned = read(tmp_path, document, keep_rejected=True)
    everything = read(tmp_path, document, keep_rejected=True, keep_precanned=True)

    assert without_precanned.images[0].captions == ["nice", "a cat"]
    assert everything.images[0].captions == ["nice", "a cat", "Quality issues …", "Quality issues …"]
    assert everything.counts["captions"] == 4
    assert sum(everything.counts.values()) == 4


@pytest.mark.parametrize("caption", ["a\rcat", " a \r\n cat\n", "a\u2028cat\u00a0", "a\tcat"])
def test_a_caption_is_one_line(tmp_path: Path, caption: str) -> None:
    assert read(tmp_path, of_image(caption=caption)).images[0].captions == ["a cat"]


def test_empty_captions_are_left_out_and_counted(tmp_path: Path, caption_file: Any) -> None:
    found = read(tmp_path, caption_file({"a.jpg": ["", "a cat", " \r\n"]}))

    assert found.images[0].captions == ["a cat"]
    assert found.counts["empty_captions"] == 2


@pytest.mark.parametrize(
    ("of_the_image", "of_captions", "slices"),
    [
        ({}, [{}], {}),
        ({"text_detected": True}, [{}], {"text_detected": "yes"}),
        ({"text_detected": False}, [{"text_detected": False}], {"text_detected": "no"}),
        ({}, [{"text_detected": False}, {"text_detected": False}], {"text_detected": "no"}),
        ({}, [{"text_detected": True}, {"text_detected": False}], {"text_detected": "yes"}),
        ({"text_detected": False}, [{"text_detected": True}], {"text_detected": "yes"}),
    ],
)
def test_images_with_text_are_known_wherever_the_file_says_it(
    tmp_path: Path, of_the_image: Any, of_captions: Any, slices: Any
) -> None:
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", **of_the_image}],
        "annotations": [{"image_id": 1, "caption": "a cat", **values} for values in of_captions],
    }

    assert read(tmp_path, document).images[0].slices == slices


def test_a_mark_of_the_byte_order_is_no_part_of_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + json.dumps(of_image())).images[0].captions == ["a cat"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", " is cut off: its JSON ends unfinished after 1 characters"),
        ([], " is not caption JSON: it must be an object with 'images'; got a list"),
        ({"annotations": []}, " is not caption JSON: it has no 'images'"),
        ({"images": [], "annotations": {}}, " is not caption JSON: annotations must be a list; got an object"),
        ({"images": [], "annotations": []}, " holds no image"),
        ({"images": [7]}, ": images[0] is not caption JSON: it must be an object with 'id'; got a whole number"),
        ({"images": [{"id": "7"}]}, ": images[0] is not caption JSON: id must be a whole number; got a text"),
        ({"images": [{"id": True}]}, ": images[0] is not caption JSON: id must be a whole number; got true or false"),
        ({"images": [{"id": 7}]}, ": images[0] is not caption JSON: it has no 'file_name'"),
        (
            {"images": [{"id": 7, "file_name": "a"}, {"id": 7, "file_name": "b"}]},
            ": images[1]: the id 7 was given to an earlier image; ids must differ",
        ),
        (of_image(image_id=2), ": annotations[0] is of image 2, which is not among the file's images"),
        (of_image(image_id=1.5), ": annotations[0] is not caption JSON: image_id must be a whole number; got a number"),
        (of_image(caption=None), ": annotations[0] is not caption JSON: caption must be a text; got null"),
        (of_image(caption="a \ud83d cat"), ": annotations[0]: caption holds half a character at 2: a lone surrogate"),
        (
            of_image(is_rejected=1),
            ": annotations[0] is not caption JSON: is_rejected must be true or false; got a whole number",
        ),
    ],
)
def test_what_is_not_as_coco_has_it_is_named(tmp_path: Path, document: Any, message: str) -> None:
    with pytest.raises(BadInput) as error:
        read(tmp_path, document)

    assert str(error.value).startswith(f"{tmp_path / 'val.json'}{message}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.json is no file; it should be JSON in UTF-8$"):
        read_caption_file(DataFile(tmp_path / "none.json"), CaptionSettings(), SetAside(CaptionSettings()))


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "val.json").write_bytes('{"images": "é"}'.encode("latin-1"))

    with pytest.raises(BadInput, match=r"val\.json is not JSON in UTF-8: line 1: 'utf-8' codec can't "):
        read_caption_file(DataFile(tmp_path / "val.json"), CaptionSettings(), SetAside(CaptionSettings()))


def test_all_that_is_wrong_is_named(tmp_path: Path) -> None:
    document = of_image(caption=None)
    document["annotations"] += [{"image_id": 1, "caption": "a dog"}, {"image_id": 7, "caption": "a dog"}]

    with pytest.raises(BadInput) as error:
        read(tmp_path, document)

    assert str(error.value).split("\n") == [
        f"{tmp_path}/val.json has 2 bad entries:",
        "  annotations[0] is not caption JSON: caption must be a text; got null",
        "  annotations[2] is of image 7, which is not among the file's images",
        "  features.bad_rows: set_aside leaves such ones out and lists them",
    ]


def test_captions_of_wrong_images_are_not_told_as_well(tmp_path: Path) -> None:
    document = {"images": [{"id": "1"}, {"id": "2"}], "annotations": [{"image_id": 1, "caption": "a dog"}]}

    with pytest.raises(BadInput) as error:
        read(tmp_path, document)

    assert str(error.value).split("\n") == [
        f"{tmp_path}/val.json has 2 bad entries:",
        "  images[0] is not caption JSON: id must be a whole number; got a text",
        "  images[1] is not caption JSON: id must be a whole number; got a text",
        "  features.bad_rows: set_aside leaves such ones out and lists them",
    ]


def test_by_policy_bad_captions_are_set_aside(tmp_path: Path) -> None:
    document = of_image()
    document["annotations"] += [{"image_id": 1, "caption": None}, {"image_id": 1, "caption": "a dog"}]

    found = read(tmp_path, document, bad_rows="set_aside", most_set_aside=0.4)

    assert found.images[0].captions == ["a cat", "a dog"]
    assert (found.counts["captions"], found.counts["captions_set_aside"]) == (2, 1)
    with pytest.raises(BadInput, match=r"1 of 3 captions would be set aside; features\.most_set_aside allows a share "):
        read(tmp_path, document, bad_rows="set_aside", most_set_aside=0.3)


def test_by_policy_bad_images_are_set_aside(tmp_path: Path) -> None:
    document = of_image()
    document["images"] += [{"id": 2}]

    assert len(read(tmp_path, document, bad_rows="set_aside", most_set_aside=0.5).images) == 1
    with pytest.raises(BadInput, match=r"images\[1\] is not caption JSON: it has no 'file_name'; .*; 1 of 2 images "):
        read(tmp_path, document, bad_rows="set_aside")


def captions_in_parts(folder: Path, *documents: Any) -> DataFile:
    folder.mkdir()
    for number, document in enumerate(documents):
        (folder / f"{number}.json").write_text(json.dumps(document), encoding="utf-8")
    return DataFile(folder, "/data/captions")


def test_captions_may_lie_in_several_files_that_name_the_same_images(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "a.jpg"}]
    file = captions_in_parts(
        tmp_path / "parts",
        {"images": images, "annotations": [{"image_id": 1, "caption": "one"}, {"image_id": 2, "caption": "other"}]},
        {"images": [*images, {"id": 2, "file_name": "b.jpg"}], "annotations": [{"image_id": 1, "caption": "two"}]},
    )

    found = read_caption_file(file, CaptionSettings(), SetAside(CaptionSettings()))

    assert [(image.file, image.captions) for image in found.images] == [("a.jpg", ["one", "two"]), ("b.jpg", ["other"])]


def test_an_id_of_two_images_in_two_files_is_told(tmp_path: Path) -> None:
    documents = [{"images": [{"id": 1, "file_name": name}], "annotations": []} for name in ("a.jpg", "b.jpg")]

    with pytest.raises(BadInput, match=r"^/data/captions/1\.json: images\[0\]: the id 1 was given to an earlier image"):
        read_caption_file(
            captions_in_parts(tmp_path / "parts", *documents), CaptionSettings(), SetAside(CaptionSettings())
        )
