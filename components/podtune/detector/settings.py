"""What a detector is, in a config.json beside its weights; the defaults are the published Visual Genome network."""

from dataclasses import dataclass
from typing import Iterator, Literal, Tuple


@dataclass(frozen=True)
class DetectorConfig:
    """A Faster R-CNN on a residual network, whose last stage looks at each region, with attributes."""

    width: int = 64
    """Channels of the stem and of the narrowest convolutions; a region's features are 32 times as many."""

    blocks: Tuple[int, ...] = (3, 4, 23, 3)
    """Residual blocks of the stages res2 to res5; these are ResNet-101's."""

    proposal_width: int = 512
    """Channels of the network that proposes regions."""

    anchor_sizes: Tuple[int, ...] = (64, 128, 256, 512)
    """Sides, in pixels, of the squares that have the anchors' areas."""

    anchor_ratios: Tuple[float, ...] = (0.5, 1.0, 2.0)
    """Heights of the anchors by their widths."""

    objects: int = 1600
    """Kinds of things, without the background."""

    attributes: int = 400
    """Without the one that means none."""

    shorter_side: int = 800
    """Pixels to which a picture's shorter side is brought, unless the longer becomes too long."""

    longest_side: int = 1333
    """Pixels that no side is longer than."""

    channel_order: Literal["BGR", "RGB"] = "BGR"
    """Of a pixel, as the weights learnt it. The published weights come from Caffe, which had blue first."""

    pixel_means: Tuple[float, ...] = (102.9801, 115.9465, 122.7717)
    """Taken from each pixel, in the channel order."""

    proposals_considered: int = 6000
    """Most promising anchors that proposals are chosen from."""

    proposals: int = 300
    """Regions that are looked at closely."""

    proposal_overlap: float = 0.7
    """Intersection over union above which the less promising of two proposals is dropped."""

    overlaps: Tuple[float, ...] = (0.5, 0.6, 0.7)
    """The same for regions; the next is tried where too few are left."""

    regions: int = 36
    """That come out, always."""

    pooling: int = 14
    """Cells along each side of a region."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """What no network can have, as (key, what is wrong)."""
        for key, count in (("blocks", 4), ("pixel_means", 3)):
            if len(getattr(self, key)) != count:
                yield key, f"must have {count} values; got {len(getattr(self, key))}"
        for key in ("anchor_sizes", "anchor_ratios", "overlaps"):
            if not getattr(self, key):
                yield key, "must have at least one value"
        for key, least in (("width", 2), ("objects", 1), ("attributes", 1), ("shorter_side", 16), ("regions", 1)):
            if getattr(self, key) < least:
                yield key, f"must be at least {least}; got {getattr(self, key)}"
        if self.longest_side < self.shorter_side:
            yield "longest_side", f"must be at least shorter_side {self.shorter_side}; got {self.longest_side}"
        if self.proposals < self.regions:
            yield "proposals", f"must be at least regions {self.regions}; got {self.proposals}"
