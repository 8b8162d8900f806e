import struct

from podtune.steps.write_card.curves import curves_of
from podtune.steps.write_card.figures import loss_picture


def test_the_same_records_give_the_same_picture(contents) -> None:
    curves = curves_of(contents().records)

    picture = loss_picture(curves)

    assert picture == loss_picture(curves)
    assert struct.unpack(">II", picture[16:24]) == (1200, 540)
    assert b"Software" not in picture


def test_a_log_without_a_line_is_still_a_picture(finished_run, contents) -> None:
    finished_run.log = []

    assert loss_picture(curves_of(contents().records)).startswith(b"\x89PNG")
