import pytest
from podtune.errors import BadInput
from podtune.steps.write_card.records import open_records


def test_the_records_of_one_run_are_read(finished_run) -> None:
    records = open_records(finished_run.write())

    assert records.evaluation.examples == 10570
    assert records.log.training[0]["loss"] == 4.1
    assert records.log.evaluations[1] == (1380, {"exact_match": 80.9, "f1": 88.0, "loss": 1.05})
    assert set(records.digests) == {"raw_data", "base_model", "features", "checkpoint", "evaluation", "verdict"}


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("features", "raw_data"),
        ("checkpoint", "features"),
        ("checkpoint", "base_model"),
        ("evaluation", "checkpoint"),
        ("evaluation", "features"),
        ("verdict", "evaluation"),
    ],
)
def test_records_of_different_runs_are_refused(finished_run, later: str, earlier: str) -> None:
    finished_run.facts[later][earlier] = "0" * 64
    paths = finished_run.write()

    with pytest.raises(BadInput) as caught:
        open_records(paths)

    assert str(caught.value).startswith(f"{paths[later]} was made from another {earlier} than {paths[earlier]}; ")
