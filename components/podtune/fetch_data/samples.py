"""The data sets that fetch_data makes on the spot."""

from podtune.sources.samples import Sample

_VISUAL = "podtune.tasks.visual_question_answering.sample:write_sample"
_VISUAL_DEFAULTS = {"seed": "1", "train": "2000", "validation": "300"}

SAMPLES = {
    "squad": Sample(
        "podtune.tasks.question_answering.sample:write_sample",
        {"seed": "1", "train": "4000", "validation": "500", "version": "1.1"},
        choices={"version": ("1.1", "2.0")},
    ),
    "vqa": Sample(_VISUAL, _VISUAL_DEFAULTS, fixed={"kind": "vqa"}),
    "gqa": Sample(_VISUAL, _VISUAL_DEFAULTS, fixed={"kind": "gqa"}),
    "captions": Sample(
        "podtune.tasks.image_captioning.sample:write_sample", {"seed": "1", "train": "2000", "validation": "200"}
    ),
}
"""Name to what makes it, in the real raw format; a writer returns RawData's names of its files."""
