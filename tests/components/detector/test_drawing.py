import numpy as np
from PIL import Image
from podtune.detector.drawing import regions_drawn

GREY = (200, 200, 200)
RED = (0xD6, 0x27, 0x28)
BLUE = (0x1F, 0x77, 0xB4)
BOXES = np.array([[0.25, 0.5, 0.5, 0.75], [0.25, 0.25, 0.75, 0.5]], dtype=np.float32)


def test_each_region_has_a_frame_in_its_color() -> None:
    drawn = regions_drawn(Image.new("RGB", (400, 200), GREY), BOXES, ["1", "2"])

    assert drawn.getpixel((150, 150)) == RED  # on the lower edge of the first
    assert drawn.getpixel((300, 70)) == BLUE  # on the right edge of the second
    assert drawn.getpixel((150, 130)) == GREY


def test_the_first_region_lies_on_top() -> None:
    drawn = regions_drawn(Image.new("RGB", (400, 200), GREY), BOXES, ["1", "2"])

    assert drawn.getpixel((180, 100)) == RED  # the upper edge of the first is the lower edge of the second


def test_the_picture_itself_stays_as_it_is() -> None:
    picture = Image.new("RGB", (400, 200), GREY)

    regions_drawn(picture, BOXES, ["1", "2"])

    assert picture.getcolors() == [(80_000, GREY)]


def test_labels_stay_within_the_picture() -> None:
    """A box in the lower right corner has its label beside it, in full."""
    corner = np.array([[0.99, 0.99, 1, 1]], dtype=np.float32)

    drawn = regions_drawn(Image.new("RGB", (400, 200), GREY), corner, ["36 traffic light"])

    background = np.argwhere((np.asarray(drawn) == RED).all(2))
    assert background[:, 1].max() - background[:, 1].min() > 60
    assert (np.asarray(drawn) > 230).all(2).any()  # of the letters
