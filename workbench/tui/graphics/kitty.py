"""Kitty's graphics protocol: images as PNG, placed over the text, until they are deleted.

https://sw.kovidgoyal.net/kitty/graphics-protocol/
"""

import io
from base64 import b64encode

from PIL import Image

CHUNK = 4096
"""Most characters of an image in one message, as the protocol says."""


def encode(image: Image.Image) -> str:
    """An image as the protocol carries it: PNG in base64."""
    content = io.BytesIO()
    image.save(content, format="PNG", compress_level=3)
    return b64encode(content.getvalue()).decode()


def place(number: int, data: str, width: int) -> str:
    """The messages that draw an image ``width`` columns wide, as high as its shape makes it, from the cursor's cell on.

    Args:
        number: of the image, by which it is deleted, 1 to 2³² − 1.
        data: what ``encode`` gave.
        width: columns.
    """
    parts = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    # T: transmit and show; q=2: no answer, which Textual would take for keys; C=1: the cursor stays
    first = f"a=T,f=100,q=2,C=1,i={number},c={width}"
    return "".join(
        f"\x1b_G{first if at == 0 else 'q=2'},m={int(at < len(parts) - 1)};{part}\x1b\\"
        for at, part in enumerate(parts)
    )


def delete(number: int) -> str:
    """The message that removes an image and frees its memory."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"
