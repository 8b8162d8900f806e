from podtune_pipelines.card_check.unfolding import lines_of

FOLDED = (
    "--- license: mit tags: - a - b model-index: - name: owner/m results: [] --- # owner/m It is a model. "
    "## Training procedure Trained: ``` python train.py \\ --seed 1 \\ --epochs 2 ``` "
    "### Training hyperparameters Used: - seed: 1 - num_epochs: 2.0 " + "filling " * 30
)


def test_lost_line_breaks_are_put_back() -> None:
    lines, lost = lines_of(FOLDED)

    texts = [line.text for line in lines if line.text]
    assert lost
    assert texts[:9] == [
        "---",
        "license: mit",
        "tags:",
        "- a",
        "- b",
        "model-index:",
        "- name: owner/m",
        "  results: []",
        "---",
    ]
    assert texts[9:19] == [
        "# owner/m",
        "It is a model.",
        "## Training procedure",
        "Trained:",
        "```",
        "python train.py \\",
        "--seed 1 \\",
        "--epochs 2",
        "```",
        "### Training hyperparameters",
    ]
    assert {line.number for line in lines} == {1}


def test_a_card_with_line_breaks_is_left_alone() -> None:
    lines, lost = lines_of("---\nlicense: mit\n---\n# A - b: c\r\nlast")

    assert not lost
    assert [(line.number, line.text) for line in lines] == [
        (1, "---"),
        (2, "license: mit"),
        (3, "---"),
        (4, "# A - b: c"),
        (5, "last"),
    ]


def test_a_long_paragraph_is_no_lost_line_break() -> None:
    assert lines_of("a long line " * 100)[1] is False
