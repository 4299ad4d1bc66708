"""How results look in a notebook: a row of pictures and a table of facts, as HTML that needs nothing from outside."""

import base64
import html
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from isgan.console import value_text

SIDE = 320  # pixels that a picture may have here; the files are not touched


def shown(pictures: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> str:
    """Pictures, (H, W) or (H, W, 3) uint8, by caption, reduced to at most `SIDE` pixels, and facts by name, as HTML."""
    figures = "".join(
        f'<figure style="display:inline-block;margin:0 1em 0 0"><img alt="{html.escape(caption)}" src="{_url(picture)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for caption, picture in pictures.items()
    )
    rows = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(value_text(value))}</td></tr>" for name, value in facts.items())
    return f"<div>{figures}<table>{rows}</table></div>"


def _url(picture: np.ndarray) -> str:
    image = Image.fromarray(picture)
    image.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
