"""The data sets that fetch_data makes on the spot."""

from podtune.samples.sample import Sample

_VISUAL = "podtune.samples.visual:write_sample"
_VISUAL_DEFAULTS = {"seed": "1", "train": "2000", "validation": "300"}

SAMPLES = {
    "squad": Sample(
        "podtune.samples.squad:write_sample",
        {"seed": "1", "train": "4000", "validation": "500", "version": "1.1"},
        choices={"version": ("1.1", "2.0")},
    ),
    "vqa": Sample(_VISUAL, _VISUAL_DEFAULTS, fixed={"kind": "vqa"}),
    "gqa": Sample(_VISUAL, _VISUAL_DEFAULTS, fixed={"kind": "gqa"}),
    "captions": Sample("podtune.samples.captions:write_sample", {"seed": "1", "train": "2000", "validation": "200"}),
}
"""Name to what makes it, in the real raw format; a writer returns RawData's names of its files."""
