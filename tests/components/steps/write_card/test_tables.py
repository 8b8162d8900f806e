import pytest
from podtune.steps.write_card import tables
from podtune.steps.write_card.markup import Link, Name


def test_both_batches_are_told_where_a_call_takes_several_steps(contents) -> None:
    rows = dict(tables.run(contents()).rows)

    assert rows["Windows per optimizer step"] == "128"
    assert rows["Windows per device call"] == "256 (2 optimizer steps at a fixed learning rate)"


def test_one_batch_is_told_where_a_call_is_a_step(finished_run, contents) -> None:
    finished_run.facts["checkpoint"]["training"]["device_iterations"] = 1

    assert "Windows per device call" not in dict(tables.run(contents()).rows)


def test_the_best_checkpoint_is_named(finished_run, contents) -> None:
    finished_run.facts["checkpoint"].update(kept_step=1380)
    finished_run.facts["checkpoint"]["training"]["best_metric"] = "f1"

    assert dict(tables.run(contents()).rows)["Weights"] == "from step 1,380, the best checkpoint by f1"


def test_what_came_from_the_hub_is_linked() -> None:
    link = tables.hub_link("rajpurkar/squad", "hf://datasets/rajpurkar/squad", "datasets/")

    assert link == Link("rajpurkar/squad", "https://huggingface.co/datasets/rajpurkar/squad")


def test_what_came_from_elsewhere_is_only_named() -> None:
    assert tables.hub_link("rajpurkar/squad", "/data/squad", "datasets/") == Name("rajpurkar/squad")
    assert tables.hub_link("a)(b", "hf://datasets/a)(b", "datasets/") == Name("a)(b")


@pytest.mark.parametrize(
    ("count", "joules", "shown"),
    [
        (1, None, ["Device-hours: 2.051"]),
        (4, 5.4e6, ["Device-hours: 8.204", "Energy: 1.5 kWh, as the devices count what they take themselves"]),
    ],
)
def test_what_a_training_took_is_told_as_far_as_it_is_known(finished_run, contents, count, joules, shown) -> None:
    finished_run.facts["checkpoint"]["hardware"]["count"] = count
    finished_run.facts["checkpoint"]["kilowatt_hours"] = None if joules is None else joules / 3.6e6

    rows = [f"{name}: {value}" for name, value in tables.run(contents()).rows if name in ("Device-hours", "Energy")]

    assert rows == shown


@pytest.mark.parametrize("image", ["", f"example.org/a/python-gpu:0.1.0@sha256:{'d' * 64}"], ids=["unknown", "digest"])
def test_the_image_is_named_where_it_is_known(finished_run, contents, image) -> None:
    finished_run.facts["checkpoint"]["image"] = image

    rows = [str(value) for name, value in tables.run(contents()).rows if name == "Image"]

    assert rows == [image] * bool(image)


def test_hardware_fits_one_line(contents) -> None:
    assert tables.hardware(contents()) == "1 × AMD EPYC 9B45 (cpu), computing in bfloat16, 2 cores, 24 GiB of memory"
