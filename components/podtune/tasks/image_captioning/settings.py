"""The sections of a captioning recipe: which captions are learnt, and how captions are written and scored."""

from dataclasses import dataclass, field
from typing import Dict, Iterator, Literal, Tuple

from podtune.formats.set_aside import mistakes_in_policy
from podtune.tasks.scored import mistakes_in_scoring


@dataclass(frozen=True)
class CaptionSettings:
    """What becomes of the published captions and images."""

    captions_per_image: int = 1
    """At most so many of an image's kept captions are learnt, the first ones; all of them are references."""

    max_length: int = 64
    """Tokens of a caption, the end of the text included."""

    keep_rejected: bool = False
    """Whether captions are used, to learn and as references, that the data's makers rejected."""

    keep_precanned: bool = False
    """Whether the ready-made sentence is used that says an image cannot be recognised. Without it, and without rejected
    captions, an image may have none left; then it is not among the Features."""

    bad_rows: Literal["stop", "set_aside"] = "stop"
    """What an image that cannot be used does, as its file is missing or cannot be decoded, or an entry of the caption
    file that is not COCO's: it stops the step, which lists all of them, or is left out, listed and counted."""

    most_set_aside: float = 0.01
    """Share of a split's images, and of its captions, that may be left out so; more stop the step."""

    most_duplicates: float = 0.01
    """Share of another split's images that may be in the training split too, whatever their names; more stop the step.
    Images are the same by their file's bytes, or by their pixels as they are stored."""

    expected_images: Dict[str, int] = field(default_factory=dict)
    """Split to the images that are known to have a caption that is used; another number stops the step before any is
    decoded. Empty: not checked."""

    image_size: int = 224
    """Height and width of the stored images, in pixels."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """What cannot be prepared, as (key, what is wrong)."""
        if self.captions_per_image < 1:
            yield "captions_per_image", f"must be at least 1; got {self.captions_per_image}"
        if self.max_length < 2:
            yield "max_length", f"must be at least 2; got {self.max_length}"
        if not 16 <= self.image_size <= 1024:
            yield "image_size", f"must lie between 16 and 1024; got {self.image_size}"
        yield from mistakes_in_policy(self)


@dataclass(frozen=True)
class EvaluationSettings:
    """How captions are written, the same ones every time; the scores' definitions leave nothing to set."""

    split: str = "validation"
    """Which is scored."""

    beams: int = 4
    """Beginnings of a caption that are followed at a time; 1 takes the likeliest token, always."""

    max_length: int = 64
    """Tokens that are written at most, as far as the model has positions."""

    length_penalty: float = 1.0
    """A caption's score is its log-probability, divided by its number of tokens to the power of this."""

    padded_length: int = 0
    """Tokens to which another program pads its captions, whose loss averages over the padding too: ours is also noted
    as it would be counted there. 0 notes none."""

    bootstrap_samples: int = 1000
    """Resamplings behind the 95 % interval of a metric that is no mean over the examples, such as BLEU."""

    seed: int = 0
    """Of the resampling."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Settings under which nothing can be scored, as (key, what is wrong)."""
        return mistakes_in_scoring(self, at_least_1="beams max_length", at_least_0="padded_length")
