"""The search against transformers' own, on small GPT-2s with random weights."""

from typing import Any, Tuple

import numpy as np
import pytest
import torch
from podtune.tasks.image_captioning.beam_search import NextTokens, next_tokens, write
from podtune.tasks.image_captioning.settings import EvaluationSettings
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

END = 0
STARTS = [1, 2, 3, 4, 5]
LONGEST = 8


def made(seed: int) -> Any:
    """A model that is sure of some tokens, and ends some texts early."""
    torch.manual_seed(seed)
    sizes = {"vocab_size": 11, "n_positions": 10, "n_embd": 8, "n_layer": 1, "n_head": 2}
    return GPT2LMHeadModel(GPT2Config(**sizes, initializer_range=0.7, bos_token_id=1, eos_token_id=END)).eval()


def of_model(model: Any, search: EvaluationSettings) -> NextTokens:
    """The next tokens that a model thinks likeliest after one of STARTS for each image."""

    def look_up(tokens: np.ndarray, written: int) -> Tuple[np.ndarray, np.ndarray]:
        starts = np.broadcast_to(np.array(STARTS)[:, None, None], (*tokens.shape[:2], 1))
        texts = torch.tensor(np.concatenate([starts, tokens[:, :, :written]], axis=2)).flatten(0, 1)
        with torch.inference_mode():
            found = model(texts).logits[:, -1].log_softmax(-1).topk(next_tokens(search))
        scores, ids = (told.numpy().reshape(*tokens.shape[:2], -1) for told in found)
        return scores, ids

    return look_up


def generated(model: Any, search: EvaluationSettings) -> np.ndarray:
    """What transformers writes, filled up with the end."""
    settings = GenerationConfig(
        num_beams=search.beams,
        max_new_tokens=LONGEST,
        length_penalty=search.length_penalty,
        eos_token_id=END,
        pad_token_id=END,
    )
    starts = torch.tensor(STARTS)[:, None]
    tokens = model.generate(starts, attention_mask=torch.ones_like(starts), generation_config=settings)[:, 1:]
    return np.pad(tokens.numpy(), ((0, 0), (0, LONGEST - tokens.shape[1])))


def never(tokens: np.ndarray, written: int) -> Tuple[np.ndarray, np.ndarray]:
    raise AssertionError("no image is wanted")


@pytest.mark.parametrize("length_penalty", [-1.0, 0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("beams", [1, 2, 3, 4])
def test_captions_are_those_of_transformers(beams: int, length_penalty: float) -> None:
    search = EvaluationSettings(beams=beams, max_length=LONGEST, length_penalty=length_penalty)
    for seed in range(5):
        model = made(seed)
        expected = generated(model, search)

        found = write(of_model(model, search), np.ones(5, dtype=bool), search, longest=LONGEST, end=END)

        assert found.dtype == np.int64
        assert found.tolist() == expected.tolist()


def test_captions_of_several_lengths_are_among_them() -> None:
    lengths = {
        int((caption != END).sum()) for seed in range(5) for caption in generated(made(seed), EvaluationSettings())
    }

    assert len(lengths) > 4


def test_images_that_are_not_wanted_get_nothing_and_change_nothing() -> None:
    model, search = made(0), EvaluationSettings(max_length=LONGEST)
    every = write(of_model(model, search), np.ones(5, dtype=bool), search, longest=LONGEST, end=END)

    found = write(of_model(model, search), np.array([True, False, True, True, False]), search, longest=LONGEST, end=END)

    assert found[[0, 2, 3]].tolist() == every[[0, 2, 3]].tolist()
    assert found[[1, 4]].tolist() == [[END] * LONGEST] * 2


def test_no_token_is_asked_for_where_no_image_is_wanted() -> None:
    found = write(never, np.zeros(2, dtype=bool), EvaluationSettings(), longest=3, end=END)

    assert found.tolist() == [[0, 0, 0], [0, 0, 0]]
