import pytest
from podtune.steps.write_card.shown_settings import ShownSetting


def test_settings_come_in_the_order_of_the_flow(contents) -> None:
    names = [shown.name for shown in contents().settings]

    assert names[:4] == ["features.max_length", "features.overlap", "training.epochs", "training.batch_size"]
    assert "training.best_metric" not in names


def test_what_is_no_default_is_told(contents) -> None:
    settings = {shown.name: shown.default for shown in contents().settings}

    assert [name for name, default in settings.items() if not default] == [
        "training.epochs",
        "training.batch_size",
        "training.learning_rate",
        "training.warmup_ratio",
        "training.weight_decay",
        "training.max_gradient_norm",
        "training.device_iterations",
    ]
    assert settings["training.betas"] is True


@pytest.mark.parametrize(
    ("asked", "computed", "shown"),
    [
        ("auto", "bfloat16", ShownSetting("training.precision", "auto", default=True)),
        ("bfloat16", "bfloat16", ShownSetting("training.precision", "bfloat16", default=False)),
        ("bfloat16", "float32", ShownSetting("training.precision", "float32 (bfloat16 was asked for)", default=False)),
    ],
)
def test_the_precision_is_the_one_that_was_computed_in(finished_run, contents, asked, computed, shown) -> None:
    finished_run.facts["checkpoint"]["training"]["precision"] = asked
    finished_run.facts["checkpoint"]["hardware"]["precision"] = computed

    assert shown in contents().settings


@pytest.mark.parametrize(
    ("device", "shown"), [("cpu", []), ("ipu", [ShownSetting("training.ipu.layers_per_ipu", "0, 4, 4, 4", False)])]
)
def test_a_placement_on_ipus_is_shown_where_it_was_used(finished_run, contents, device, shown) -> None:
    checkpoint = finished_run.facts["checkpoint"]
    checkpoint["hardware"]["device"] = device
    checkpoint["training"]["ipu"] = {"layers_per_ipu": [0, 4, 4, 4]}

    assert [setting for setting in contents().settings if "ipu" in setting.name] == shown
