"""Image captioning on rows of one length: an image each, and all its captions one after the other."""

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from podtune.formats.ragged import positions_of
from podtune.tasks.image_captioning.beam_search import next_tokens, write
from podtune.tasks.image_captioning.pretrained import PIXEL_SCALE, PIXEL_SHIFT, require_size
from podtune.tasks.image_captioning.settings import EvaluationSettings
from podtune.training import fixed_shapes
from podtune.training.fixed_shapes import Inputs, PackedRows, Program, scatter
from podtune.training.ipu import IpuConfig


class CaptionGraph:
    """The FixedShapeGraph of ViT and GPT-2.

    One program predicts: the beams of a search share a row as captions do, and every step of the search runs the whole
    model on them. That costs less than fetching the probabilities of all tokens, or than a second program.
    """

    def __init__(self, model: Any, config: IpuConfig, search: EvaluationSettings) -> None:
        self._model, self._width, self._search = model, config.row_tokens, search
        self._start, self._end = model.config.decoder_start_token_id, model.config.eos_token_id
        self._longest = min(search.max_length, model.config.decoder.max_position_embeddings)
        self._predicted_width = max(self._width, search.beams * self._longest)
        self.layers = len(_encoder_layers(model.encoder)) + len(model.decoder.transformer.h)
        trunk = _Trunk(model)
        kept = min(next_tokens(search), model.config.decoder.vocab_size)
        self.training, self.predicting = _Training(trunk), _Predicting(trunk, kept)

    def parts(self, ipu_of_layer: Sequence[int], last: int) -> List[Tuple[nn.Module, int]]:
        """The encoder's embeddings on the first IPU, the decoder's where its layers begin.

        The head goes back there if it shares its weights with the embeddings.
        """
        encoder, decoder = self._model.encoder, self._model.decoder.transformer
        layers, head = _encoder_layers(encoder), self._model.decoder.lm_head
        encoding, writing = ipu_of_layer[: len(layers)], ipu_of_layer[len(layers) :]
        projection = [self._model.enc_to_dec_proj] if hasattr(self._model, "enc_to_dec_proj") else []
        return [
            (encoder.embeddings, 0),
            *zip(layers, encoding),
            *((part, encoding[-1]) for part in (encoder.layernorm, *projection)),
            (decoder.wte, writing[0]),
            (decoder.wpe, writing[0]),
            *zip(decoder.h, writing),
            (decoder.ln_f, writing[-1]),
            (head, writing[0] if head.weight is decoder.wte.weight else last),
        ]

    def inputs(self, packed: PackedRows, weights: np.ndarray) -> Inputs:
        """Pixels, what `_captions` returns, and the weight of each token, float32 [rows, width]."""
        counts, indices = np.diff(packed.batch.offsets), fixed_shapes.token_indices(packed, self._width)
        of_tokens = np.repeat((weights / counts).astype(np.float32), counts)
        weighed = scatter(of_tokens, indices, packed, self._width)
        return {"pixels": self._pixels(packed), **self._captions(packed, indices), "weights": weighed}

    def predict(self, packed: PackedRows, run: Program) -> Dict[str, np.ndarray]:
        """The generated caption of each image, and the loss of its true captions."""
        pixels, indices = self._pixels(packed), fixed_shapes.token_indices(packed, self._width)
        captions = {name: self._widened(rows) for name, rows in self._captions(packed, indices).items()}
        none = np.zeros((packed.rows, self._search.beams), dtype=np.int32)
        losses = run({"pixels": pixels, **captions, "selected": none})[0][:, : self._width]
        of_tokens = losses.reshape(-1)[indices]
        counts = np.diff(packed.batch.offsets)
        sums = np.bincount(np.repeat(np.arange(len(counts)), counts), weights=of_tokens, minlength=len(counts))
        return {
            "generated": self._generate(packed, pixels, run)[packed.row_of],
            "loss_sum": sums.astype(np.float32),
            "loss_tokens": counts,
        }

    def _pixels(self, packed: PackedRows) -> np.ndarray:
        """uint8 [rows, 3, height, width]."""
        pixels = packed.batch.columns["pixels"]
        require_size(self._model, pixels.shape)
        return fixed_shapes.pad_rows(pixels.transpose(0, 3, 1, 2), packed)

    def _captions(self, packed: PackedRows, indices: np.ndarray) -> Inputs:
        """Tokens, those before them, their positions and captions, int32 [rows, width] each, scattered to `indices`."""
        tokens, ends = packed.batch.streams["tokens"], np.asarray(packed.batch.sequences)
        lengths = np.diff(ends)
        before = np.roll(tokens, 1)
        before[ends[:-1]] = self._start
        streams = {
            "before": before,
            "positions": positions_of(np.zeros_like(lengths), lengths),
            "caption": np.repeat(np.arange(1, len(ends)), lengths),
            "tokens": tokens,
        }
        return {name: scatter(one.astype(np.int32), indices, packed, self._width) for name, one in streams.items()}

    def _generate(self, packed: PackedRows, pixels: np.ndarray, run: Program) -> np.ndarray:
        """Search for a caption of each row, int64 [rows, longest]."""
        beams, longest = self._search.beams, self._longest
        fixed = {
            "positions": np.tile(np.arange(longest), (beams, 1)),
            "caption": np.repeat(np.arange(1, beams + 1), longest),
            "tokens": np.zeros((beams, longest)),
        }
        every = {name: self._side_by_side(np.tile(one.reshape(1, -1), (packed.rows, 1))) for name, one in fixed.items()}

        def look_up(tokens: np.ndarray, written: int) -> Tuple[np.ndarray, np.ndarray]:
            before = np.roll(tokens, 1, axis=2)
            before[:, :, 0] = self._start
            selected = np.tile((np.arange(beams) * longest + written).astype(np.int32), (packed.rows, 1))
            _, best, ids = run({"pixels": pixels, **every, "before": self._side_by_side(before), "selected": selected})
            return best, ids

        wanted = fixed_shapes.pad_rows(np.ones(len(packed.row_of), dtype=bool), packed)
        return write(look_up, wanted, self._search, longest=longest, end=self._end)

    def _side_by_side(self, beams: np.ndarray) -> np.ndarray:
        """Beams [rows, …] as captions of a row."""
        return self._widened(beams.reshape(len(beams), -1).astype(np.int32))

    def _widened(self, rows: np.ndarray) -> np.ndarray:
        """Pad rows of captions to the width of the predicting graph."""
        return np.pad(rows, ((0, 0), (0, self._predicted_width - rows.shape[1])))


class _Trunk(nn.Module):
    """The model up to its language-model head, part by part: its own forward takes one caption a row.

    pixels are uint8 [rows, 3, height, width]. Of the captions, int32 [rows, width] each, come the tokens `before` the
    predicted ones, their positions, and the number of the caption that each belongs to.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        for layer in model.decoder.transformer.h:
            if hasattr(layer.attn, "bias"):  # transformers 4 has a mask of its own in here, for one caption a row
                layer.attn.bias = layer.attn.bias[:, :, :1, :1].clone()

    def forward(self, pixels: Tensor, before: Tensor, positions: Tensor, caption: Tensor) -> Tensor:
        encoded, decoder = self._encoded(pixels), self.model.decoder.transformer
        hidden: Tensor = decoder.drop(decoder.wte(before) + decoder.wpe(positions))
        bias = _own_past(positions, caption, hidden.dtype)
        for layer in decoder.h:
            hidden = fixed_shapes.hidden_of(layer(hidden, attention_mask=bias, encoder_hidden_states=encoded))
        hidden = decoder.ln_f(hidden)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Of every token, float32 [rows, tokens, vocabulary]."""
        logits: Tensor = self.model.decoder.lm_head(hidden).float()
        return logits

    def _encoded(self, pixels: Tensor) -> Tensor:
        model, encoder = self.model, self.model.encoder
        scaled = pixels.float() * getattr(model, PIXEL_SCALE).float() + getattr(model, PIXEL_SHIFT).float()
        hidden: Tensor = encoder.embeddings(scaled.to(encoder.embeddings.cls_token.dtype))
        for layer in _encoder_layers(encoder):
            hidden = fixed_shapes.hidden_of(layer(hidden))
        hidden = encoder.layernorm(hidden)
        return model.enc_to_dec_proj(hidden) if hasattr(model, "enc_to_dec_proj") else hidden


class _Training(nn.Module):
    """To the weighted sum of the tokens' losses."""

    def __init__(self, trunk: _Trunk) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(
        self, pixels: Tensor, before: Tensor, positions: Tensor, caption: Tensor, tokens: Tensor, weights: Tensor
    ) -> Tensor:
        logits = self.trunk.logits(self.trunk(pixels, before, positions, caption))
        return (_losses(logits, tokens) * weights).sum()


class _Predicting(nn.Module):
    """To the tokens' losses, float32 [rows, width], and the likeliest next tokens at `selected`, int32 [rows, beams].

    Of these come log-probabilities, float32, and ids, both [rows, beams, kept].
    """

    def __init__(self, trunk: _Trunk, kept: int) -> None:
        super().__init__()
        self.trunk, self._kept = trunk, kept

    def forward(
        self, pixels: Tensor, before: Tensor, positions: Tensor, caption: Tensor, tokens: Tensor, selected: Tensor
    ) -> Tuple[Tensor, Tensor, Tensor]:
        hidden = self.trunk(pixels, before, positions, caption)
        width = hidden.shape[1]
        is_selected = selected[:, :, None] == torch.arange(width, device=selected.device)
        chosen = is_selected.to(hidden.dtype) @ hidden
        logits = self.trunk.logits(torch.cat([hidden, chosen], dim=1))  # at once, for it is a stage of the pipeline
        best, ids = logits[:, width:].log_softmax(-1).topk(self._kept)
        return _losses(logits[:, :width], tokens), best, ids


def _encoder_layers(encoder: Any) -> Any:
    return encoder.layers if hasattr(encoder, "layers") else encoder.encoder.layer  # the latter in transformers 4


def _own_past(positions: Tensor, caption: Tensor, kind: torch.dtype) -> Tensor:
    """What is added to scores, [rows, 1, width, width]: a token attends to its own caption, as far as itself."""
    together = caption[:, :, None] == caption[:, None, :]
    earlier = positions[:, :, None] >= positions[:, None, :]
    bias: Tensor = fixed_shapes.attention_bias(together & earlier, kind)
    return bias


def _losses(logits: Tensor, tokens: Tensor) -> Tensor:
    """Cross-entropies, float32 [rows, width]."""
    losses = functional.cross_entropy(logits.flatten(0, 1), tokens.flatten().long(), reduction="none")
    return losses.reshape(tokens.shape)
