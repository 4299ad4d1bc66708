"""What a notebook shows of a result."""

import base64
import io
import re

import numpy as np
import photos
from PIL import Image

import isgan


def test_results_show_pictures_and_facts_and_nothing_from_outside(tmp_path):
    made = isgan.hide(photos.photograph(128), photos.photograph(48)[..., 0], pass_phrase="notebook")
    page = made._repr_html_()
    pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in re.findall(r"base64,([^\"]+)", page)]
    assert np.array_equal(pictures[0], made.picture)
    assert np.array_equal(pictures[1], made.delivered.picture)
    assert "stego dB" in page and "http" not in page
    found = isgan.reveal(made.data, pass_phrase="notebook")
    assert len(re.findall("<img", found._repr_html_())) == 1


def test_names_of_secrets_are_text():
    made = isgan.hide(photos.photograph(128), b"twelve bytes", pass_phrase="notebook", exact=True)
    found = isgan.reveal(made.data, pass_phrase="notebook")
    found.facts["name"] = "<script>alert(1)</script>"
    assert "<script>" not in found._repr_html_() and "&lt;script&gt;" in found._repr_html_()
