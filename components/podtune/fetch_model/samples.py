"""The models that fetch_model makes on the spot."""

from podtune.sources.samples import Sample

SAMPLES = {
    "bert": Sample(
        "podtune.tasks.question_answering.sample_model:write_sample_model",
        {"seed": "1", "layers": "2", "hidden": "128", "heads": "2"},
    ),
    "lxmert": Sample(
        "podtune.tasks.visual_question_answering.sample_model:write_sample_model",
        {"seed": "1", "hidden": "64", "heads": "4"},
    ),
    "vit-gpt2": Sample(
        "podtune.tasks.image_captioning.sample_model:write_sample_model",
        {"seed": "1", "hidden": "64", "heads": "2"},
    ),
}
"""Name to what makes it, with new weights: a whole model as transformers saves one."""
