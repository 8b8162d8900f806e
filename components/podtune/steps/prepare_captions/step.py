"""Store a captioning data set's images once, and its captions as tokens: RawData and BaseModel to Features."""

import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows
from podtune.formats.base_model import BASE_MODEL, TOKENIZER
from podtune.formats.facts import write_facts
from podtune.formats.features import FEATURES, FeaturesFacts, SplitFacts, require_counts
from podtune.formats.image_files import ImageFiles, open_image_files
from podtune.formats.previews import write_previews
from podtune.formats.profile import Traces, profiles_of, require_few_duplicates
from podtune.formats.raw_data import RAW_DATA, DataFile, RawData, data_files
from podtune.formats.set_aside import CURE, SetAside
from podtune.sections import read_section, to_mapping
from podtune.steps.prepare_captions.caption_file import CaptionFile, DescribedImage, read_caption_file
from podtune.tasks.image_captioning.caption_tokenizer import CaptionTokenizer, encode_captions, open_caption_tokenizer
from podtune.tasks.image_captioning.captions import PIXELS, ImageRecord, split_digest, traces_of, write_captions
from podtune.tasks.image_captioning.pixels import DecodedImage, store_pixels
from podtune.tasks.image_captioning.settings import CaptionSettings
from podtune.tasks.task import shown_files

_NO_CAPTION = "it has no caption that is used"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Split:
    """A split before its images are decoded."""

    captions: DataFile
    images: DataFile
    source: CaptionFile
    described: List[DescribedImage]
    """Those of the source that have a caption that is used."""

    aside: SetAside


def run(
    raw_data: Path,
    base_model: Path,
    prepared_data: Path,
    features: Mapping[str, Any],
    *,
    prepared_data_facts: Optional[Path] = None,
) -> None:
    """Make Features of every split."""
    settings = read_section(CaptionSettings, features, "features")
    data = RAW_DATA.open(raw_data)
    splits = {name: _read(*files, settings) for name, files in _files_of_splits(data).items()}
    images, what = {name: len(split.described) for name, split in splits.items()}, "images with a caption that is used"
    require_counts(images, settings.expected_images, "expected_images", what, data.facts.source)
    model = BASE_MODEL.open(base_model)
    tokenizer = open_caption_tokenizer(base_model, settings.max_length, settings.image_size)
    with FEATURES.sealing(prepared_data) as draft:
        shutil.copyfile(base_model / TOKENIZER, draft.path / TOKENIZER)
        prepared = {name: _prepare(split, draft.path / name, tokenizer, settings) for name, split in splits.items()}
        profile = profiles_of({name: traces for name, (_, _, traces) in prepared.items()})
        require_few_duplicates(profile, settings.most_duplicates, data.facts.source, "images")
        facts = FeaturesFacts(
            task="image-captioning",
            raw_data=data.digest,
            tokenizer=model.files[TOKENIZER].sha256,
            vocabulary_size=tokenizer.vocabulary_size,
            settings=to_mapping(settings),
            splits={name: split for name, (split, _, _) in prepared.items()},
            details={name: counts for name, (_, counts, _) in prepared.items()},
            profile=profile,
        )
        draft.facts.update(to_mapping(facts))
    write_facts(FEATURES, prepared_data, prepared_data_facts, shown_files(FEATURES.read(prepared_data)))


def _files_of_splits(data: RawData) -> Dict[str, Tuple[DataFile, DataFile]]:
    """Split to its caption file and its images."""
    files = data_files(data)
    names = [name[: -len(".captions")] for name in files if name.endswith(".captions")]
    missing = [f"{name}.images" for name in names if f"{name}.images" not in files] if names else ["train.captions"]
    if missing:
        raise BadInput(f"{data.facts.source} has no {missing[0]}; it has {', '.join(files) or 'nothing'}")
    return {name: (files[f"{name}.captions"], files[f"{name}.images"]) for name in names}


def _read(captions: DataFile, images: DataFile, settings: CaptionSettings) -> _Split:
    aside = SetAside(settings)
    source = read_caption_file(captions, settings, aside)
    described = [image for image in source.images if image.captions]
    if not described:
        raise BadInput(f"{captions} leaves no image that has a caption")
    return _Split(captions, images, source, described, aside)


def _prepare(
    split: _Split, directory: Path, tokenizer: CaptionTokenizer, settings: CaptionSettings
) -> Tuple[SplitFacts, Dict[str, int], Traces]:
    """Write one split below the draft, and count what a reader of the card should know of it."""
    started = time.monotonic()
    directory.mkdir(parents=True)
    with open_image_files(split.images) as files:
        images, paths = _find_all(split, files)
        decoded = store_pixels(directory / f"{PIXELS}.npy", files, paths, settings.image_size)
    _leave_out_damaged(split, images, decoded)
    records = _records(images, decoded, settings.captions_per_image)
    learnt = [caption for record in records for caption in record.captions]
    tokens, cut = encode_captions(tokenizer, learnt, settings.max_length)
    write_captions(directory, records, tokens)
    write_previews(directory.parent, directory.name, split.images, [record.file for record in records])
    without = [image for image in split.source.images if not image.captions]
    split.aside.entries += [{"id": image.id, "file": image.file, "reason": _NO_CAPTION} for image in without]
    split.aside.write(directory)
    counts = {
        **split.source.counts,
        "images": len(split.source.images),
        "images_without_captions": len(without),
        "images_set_aside": len(split.described) - len(records),
        "learnt_captions": len(learnt),
        "cut_captions": cut,
    }
    _log_counts(directory.name, counts, time.monotonic() - started)
    facts = SplitFacts(len(records), len(records), len(tokens.values), split_digest(records))
    return facts, counts, traces_of(records, [one.digest for one in decoded if not one.damage])


def _find_all(split: _Split, files: ImageFiles) -> Tuple[List[DescribedImage], List[str]]:
    """The described images whose file is there, and its path; the others are set aside."""
    images, paths, bad_rows = [], [], BadRows(split.images, CURE)
    for image in split.described:
        try:
            paths.append(files.find(image.file))
            images.append(image)
        except BadInput as error:
            reason = str(error).replace(str(split.images), split.images.name)
            bad_rows.add(str(error), id=image.id, file=image.file, reason=reason)
    _leave_out(split, bad_rows)
    return images, paths


def _leave_out_damaged(split: _Split, images: List[DescribedImage], decoded: List[DecodedImage]) -> None:
    bad_rows = BadRows(split.images, CURE)
    for image, one in zip(images, decoded):
        if one.damage:
            complaint = f"{split.images}: {image.file} cannot be decoded: {one.damage}"
            bad_rows.add(complaint, id=image.id, file=image.file, reason=one.damage)
    _leave_out(split, bad_rows)


def _leave_out(split: _Split, bad_rows: BadRows) -> None:
    split.aside.take(bad_rows)
    images = sum("file" in entry for entry in split.aside.entries)
    split.aside.require_few(split.images, "images", images, len(split.described))


def _records(images: List[DescribedImage], decoded: List[DecodedImage], captions_per_image: int) -> List[ImageRecord]:
    """Records of the images that could be decoded."""
    records = []
    for image, one in zip(images, decoded):
        if not one.damage:
            learnt, references = tuple(image.captions[:captions_per_image]), tuple(image.captions)
            records.append(ImageRecord(image.id, image.file, one.sha256, learnt, references, image.slices))
    return records


def _log_counts(split: str, counts: Mapping[str, int], seconds: float) -> None:
    read = counts["images"] - counts["images_without_captions"]
    _log.info(
        "%s: %s images, %s captions to learn, %s rejected and %s precanned left out, %s images without a caption and"
        " %s others set aside, %s images/s",
        split,
        f"{read - counts['images_set_aside']:,}",
        *(f"{counts[name]:,}" for name in ("learnt_captions", "rejected_captions", "precanned_captions")),
        *(f"{counts[name]:,}" for name in ("images_without_captions", "images_set_aside")),
        f"{read / seconds:,.0f}",
    )
