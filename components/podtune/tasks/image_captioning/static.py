"""Image captioning on rows of one length: an image each, and all its captions one after the other."""

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
from torch import nn

from podtune.formats.ragged import places_of
from podtune.tasks.image_captioning.beam_search import next_tokens, write
from podtune.tasks.image_captioning.pretrained import require_size
from podtune.tasks.image_captioning.programs import Predicting, Training, Trunk, encoder_layers
from podtune.tasks.image_captioning.settings import EvaluationSettings
from podtune.training.ipu import IpuConfig
from podtune.training.protocols import Inputs, Laid, Program
from podtune.training.rows import in_rows, padded, token_places


class CaptionForm:
    """`training.protocols.StaticForm` of ViT and GPT-2.

    One program predicts: the beams of a search share a row as captions do, and every step of the search runs the whole
    model on them. That costs less than fetching the probabilities of all tokens, or than a second program.
    """

    def __init__(self, model: Any, config: IpuConfig, search: EvaluationSettings) -> None:
        self._model, self._width, self._search = model, config.row_tokens, search
        self._start, self._end = model.config.decoder_start_token_id, model.config.eos_token_id
        self._longest = min(search.max_length, model.config.decoder.max_position_embeddings)
        self._predicted_width = max(self._width, search.beams * self._longest)
        self.layers = len(encoder_layers(model.encoder)) + len(model.decoder.transformer.h)
        trunk = Trunk(model)
        kept = min(next_tokens(search), model.config.decoder.vocab_size)
        self.training, self.predicting = Training(trunk), Predicting(trunk, kept)

    def place(self, ipu_of_layer: Sequence[int], last: int) -> List[Tuple[nn.Module, int]]:
        """The encoder's embeddings on the first IPU, the decoder's where its layers begin.

        What writes tokens goes back to there, for it shares its weights with the embeddings.
        """
        encoder, decoder = self._model.encoder, self._model.decoder.transformer
        layers, head = encoder_layers(encoder), self._model.decoder.lm_head
        seeing, writing = ipu_of_layer[: len(layers)], ipu_of_layer[len(layers) :]
        projection = [self._model.enc_to_dec_proj] if hasattr(self._model, "enc_to_dec_proj") else []
        return [
            (encoder.embeddings, 0),
            *zip(layers, seeing),
            *((part, seeing[-1]) for part in (encoder.layernorm, *projection)),
            (decoder.wte, writing[0]),
            (decoder.wpe, writing[0]),
            *zip(decoder.h, writing),
            (decoder.ln_f, writing[-1]),
            (head, writing[0] if head.weight is decoder.wte.weight else last),
        ]

    def inputs(self, laid: Laid, weights: np.ndarray) -> Inputs:
        """Pixels, what `_captions` gives, and the weight of each token, float32 [rows, width]."""
        counts, places = np.diff(laid.batch.offsets), token_places(laid, self._width)
        of_tokens = np.repeat((weights / counts).astype(np.float32), counts)
        weighed = in_rows(of_tokens, places, laid, self._width)
        return {"pixels": self._pixels(laid), **self._captions(laid, places), "weights": weighed}

    def predict(self, laid: Laid, run: Program) -> Dict[str, np.ndarray]:
        """The caption that is written for each image, and the loss of its true captions."""
        pixels, places = self._pixels(laid), token_places(laid, self._width)
        given = {name: self._widened(rows) for name, rows in self._captions(laid, places).items()}
        nowhere = np.zeros((laid.rows, self._search.beams), dtype=np.int32)
        losses = run({"pixels": pixels, **given, "places": nowhere})[0][:, : self._width]
        of_tokens = losses.reshape(-1)[places]
        counts = np.diff(laid.batch.offsets)
        sums = np.bincount(np.repeat(np.arange(len(counts)), counts), weights=of_tokens, minlength=len(counts))
        return {
            "generated": self._written(laid, pixels, run)[laid.row_of],
            "loss_sum": sums.astype(np.float32),
            "loss_tokens": counts,
        }

    def _pixels(self, laid: Laid) -> np.ndarray:
        """uint8 [rows, 3, height, width]."""
        pixels = laid.batch.columns["pixels"]
        require_size(self._model, pixels.shape)
        return padded(pixels.transpose(0, 3, 1, 2), laid)

    def _captions(self, laid: Laid, places: np.ndarray) -> Inputs:
        """Tokens, those before them, their positions and their captions, int32 [rows, width] each, at these places."""
        tokens, ends = laid.batch.streams["tokens"], np.asarray(laid.batch.sequences)
        lengths = np.diff(ends)
        before = np.roll(tokens, 1)
        before[ends[:-1]] = self._start
        streams = {
            "before": before,
            "positions": places_of(np.zeros_like(lengths), lengths),
            "caption": np.repeat(np.arange(1, len(ends)), lengths),
            "tokens": tokens,
        }
        return {name: in_rows(stream.astype(np.int32), places, laid, self._width) for name, stream in streams.items()}

    def _written(self, laid: Laid, pixels: np.ndarray, run: Program) -> np.ndarray:
        """What a search writes into each row, int64 [rows, longest]."""
        beams, longest = self._search.beams, self._longest
        fixed = {
            "positions": np.tile(np.arange(longest), (beams, 1)),
            "caption": np.repeat(np.arange(1, beams + 1), longest),
            "tokens": np.zeros((beams, longest)),
        }
        every = {name: self._side_by_side(np.tile(one.reshape(1, -1), (laid.rows, 1))) for name, one in fixed.items()}

        def look_up(tokens: np.ndarray, written: int) -> Tuple[np.ndarray, np.ndarray]:
            before = np.roll(tokens, 1, axis=2)
            before[:, :, 0] = self._start
            places = np.tile((np.arange(beams) * longest + written).astype(np.int32), (laid.rows, 1))
            told = run({"pixels": pixels, **every, "before": self._side_by_side(before), "places": places})
            return told[1], told[2]

        wanted = padded(np.ones(len(laid.row_of), dtype=bool), laid)
        return write(look_up, wanted, self._search, longest=longest, end=self._end)

    def _side_by_side(self, beams: np.ndarray) -> np.ndarray:
        """Beams [rows, …] as captions of a row."""
        return self._widened(beams.reshape(len(beams), -1).astype(np.int32))

    def _widened(self, rows: np.ndarray) -> np.ndarray:
        """Rows of captions as wide as those that predict."""
        return np.pad(rows, ((0, 0), (0, self._predicted_width - rows.shape[1])))
