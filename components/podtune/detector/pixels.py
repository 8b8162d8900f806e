"""Pictures as the network takes them."""

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from podtune.detector.pictures import seen_size
from podtune.detector.settings import DetectorConfig


def seen_pixels(picture: Image.Image, config: DetectorConfig, device: torch.device) -> torch.Tensor:
    """An upright RGB picture as float32 [1, 3, height, width], in the size, order and range that the weights learnt."""
    width, height = seen_size(picture.width, picture.height, config)
    colors = torch.from_numpy(np.array(picture)).to(device).permute(2, 0, 1).float()
    if config.channel_order == "BGR":
        colors = colors.flip(0)
    colors = colors - torch.tensor(config.pixel_means, device=device)[:, None, None]
    # smooth where it makes a picture smaller; where it makes one larger, as is usual, that changes nothing
    return functional.interpolate(colors[None], (height, width), mode="bilinear", antialias=True)
