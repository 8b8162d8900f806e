"""The models that fetch_model makes on the spot."""

from podtune.samples.sample import Sample

SAMPLES = {
    "bert": Sample(
        "podtune.samples.bert:write_sample_model",
        {"seed": "1", "layers": "2", "hidden": "128", "heads": "2"},
    ),
    "lxmert": Sample(
        "podtune.samples.lxmert:write_sample_model",
        {"seed": "1", "hidden": "64", "heads": "4"},
    ),
    "vit-gpt2": Sample(
        "podtune.samples.vit_gpt2:write_sample_model",
        {"seed": "1", "hidden": "64", "heads": "2"},
    ),
}
"""Name to what makes it, with new weights: a whole model as transformers saves one."""
