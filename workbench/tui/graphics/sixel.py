"""Sixel, by textual-image: an extra. Import it late, and encode in a thread."""

import re

from PIL import Image
from textual_image._sixel import image_to_sixels  # its public modules ask the terminal when they are imported

_DEFINED = re.compile(r"#(\d+);2;\d+;\d+;\d+")


def encode(image: Image.Image) -> str:
    """An image of mode "L" or "RGB" as a whole Sixel sequence, a pixel for a pixel, of at most 256 colours."""
    return _DEFINED.sub(r"\g<0>#\1", image_to_sixels(image))  # to xterm, a colour that is defined is not yet chosen
