from typing import Any, Dict

import pytest
from podtune.errors import BadInput
from podtune.sections import Mistakes, read_section
from podtune.training.config import TrainingConfig

PLACEMENT: Dict[str, Any] = {"layers_per_ipu": [0, 4, 4, 4], "row_tokens": 384, "gradient_accumulation": 8}
TRAINING: Dict[str, Any] = {"epochs": 1, "batch_size": 32, "learning_rate": 1e-4}


def read(**changes: Any) -> TrainingConfig:
    placement = {**PLACEMENT, "replication_factor": 4, **changes}
    return read_section(TrainingConfig, {**TRAINING, "ipu": placement}, "training")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"layers_per_ipu": [4, 4, 4]},
            "training.ipu.replication_factor IPUs are reserved by powers of two up to 64; got 3 of layers_per_ipu × "
            "replication_factor 4 = 12",
        ),
        (
            {"replication_factor": 32, "gradient_accumulation": 1},
            "training.ipu.replication_factor IPUs are reserved by powers of two up to 64; got 4 of layers_per_ipu × "
            "replication_factor 32 = 128",
        ),
        ({"layers_per_ipu": []}, "training.ipu.layers_per_ipu must be numbers of layers, one for each IPU; got []"),
        (
            {"layers_per_ipu": [-1, 13]},
            "training.ipu.layers_per_ipu must be numbers of layers, one for each IPU; got [-1, 13]",
        ),
        (
            {"matmul_proportion": [0.2, 0.3]},
            "training.ipu.matmul_proportion must be one number, or 4, one for each IPU; got 2",
        ),
        ({"matmul_proportion": [0.0]}, "training.ipu.matmul_proportion must be above 0 and at most 1; got [0.0]"),
        ({"loss_scaling": 0.0}, "training.ipu.loss_scaling must be above 0; got 0.0"),
        ({"row_tokens": 0}, "training.ipu.row_tokens must be at least 1; got 0"),
        ({"execution": "phased"}, "training.ipu.execution must be one of pipelined, sharded; got 'phased'"),
    ],
)
def test_what_no_ipu_runs_is_refused(changes: Dict[str, Any], line: str) -> None:
    with pytest.raises(Mistakes) as raised:
        read(**changes)

    assert raised.value.lines == [line]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"gradient_accumulation": 16},
            "training.batch_size 32 does not fit training.ipu: micro_batch_size 1 × gradient_accumulation 16 × "
            "replication_factor 4 = 64 rows; set training.ipu.gradient_accumulation to 8",
        ),
        (
            {"packing": 3, "gradient_accumulation": 2},
            "training.batch_size 32 does not fit training.ipu: micro_batch_size 1 × gradient_accumulation 2 × "
            "replication_factor 4 = 8 rows of up to 3 windows; set training.ipu.gradient_accumulation to 3 to 8",
        ),
        (
            {"replication_factor": 64, "layers_per_ipu": [12], "gradient_accumulation": 1},
            "training.batch_size 32 does not fit training.ipu: micro_batch_size 1 × gradient_accumulation 1 × "
            "replication_factor 64 = 64 rows; use a multiple of 64",
        ),
    ],
)
def test_a_batch_that_its_rows_do_not_hold_is_refused_where_there_are_ipus(
    changes: Dict[str, Any], message: str
) -> None:
    """Other devices train on it."""
    config = read(**changes)

    with pytest.raises(BadInput) as raised:
        config.on_ipus()
    assert str(raised.value) == message


def test_a_placement_says_how_many_ipus_and_rows_it_takes() -> None:
    ipu = read().ipu

    assert ipu is not None
    assert (ipu.ipus, ipu.rows_per_step) == (16, 32)
    assert ipu.proportions() == [0.25, 0.25, 0.25, 0.25]


def test_rows_that_windows_share_may_be_fewer_than_the_batch() -> None:
    ipu = read(packing=4, gradient_accumulation=5).ipu

    assert ipu is not None
    assert ipu.rows_per_step == 20
