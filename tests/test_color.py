"""The colour conversion against the standard, against Pillow, and as the inverse pair that hiding in Y relies on."""

import hypothesis.extra.numpy as arrays
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from isgan.color import luma, rgb_to_ycbcr, ycbcr_to_rgb

pixels = arrays.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4), st.just(3)))
levels = st.integers(-255, 255)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.float64) / 255).permute(2, 0, 1)[None]


def test_known_colours():
    rgb = torch.tensor([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.float64).T[None, :, :, None]
    y, cb, cr = (rgb_to_ycbcr(rgb) * 255).squeeze()
    # JFIF 1.02, page 3, with its own rounded coefficients.
    assert torch.allclose(y, torch.tensor([0, 255, 0.299 * 255, 0.587 * 255, 0.114 * 255], dtype=torch.float64))
    assert torch.allclose(cb, 128 + 255 * torch.tensor([0, 0, -0.1687, -0.3313, 0.5], dtype=torch.float64), atol=0.02)
    assert torch.allclose(cr, 128 + 255 * torch.tensor([0, 0, 0.5, -0.4187, -0.0813], dtype=torch.float64), atol=0.02)


@settings(deadline=None)
@given(pixels)
def test_against_pillow(rgb):
    ours = rgb_to_ycbcr(tensor(rgb))[0].permute(1, 2, 0) * 255
    theirs = torch.from_numpy(np.array(Image.fromarray(rgb).convert("YCbCr"))).double()
    # Pillow adds three products in sixty-fourths and cuts the rest off: over all colours it is -.047 to 1.007 below.
    assert (ours - theirs).min() >= -0.05 and (ours - theirs).max() <= 1.01


@settings(deadline=None)
@given(pixels)
def test_the_pair_is_an_exact_inverse(rgb):
    image = tensor(rgb)
    assert torch.allclose(ycbcr_to_rgb(rgb_to_ycbcr(image)), image, rtol=0, atol=1e-12)
    assert torch.allclose(rgb_to_ycbcr(ycbcr_to_rgb(image)), image, rtol=0, atol=1e-12)
    single = image.float()
    assert torch.equal((ycbcr_to_rgb(rgb_to_ycbcr(single)) * 255).round(), (single * 255).round())


@settings(deadline=None)
@given(pixels, levels)
def test_a_change_of_all_channels_is_a_change_of_luma_alone(rgb, level):
    image, change = tensor(rgb), level / 255
    before, after = rgb_to_ycbcr(image), rgb_to_ycbcr(image + change)
    assert torch.allclose(after[:, 0], before[:, 0] + change, rtol=0, atol=1e-12)
    assert torch.allclose(after[:, 1:], before[:, 1:], rtol=0, atol=1e-12)
    # And backwards, beyond [0, 1] too: nothing is clamped.
    before[:, 0] += change
    assert torch.allclose(ycbcr_to_rgb(before), image + change, rtol=0, atol=1e-12)


def test_luma_is_the_first_channel():
    rgb = torch.rand(2, 3, 5, 4)
    assert luma(rgb).shape == (2, 1, 5, 4)
    assert torch.equal(luma(rgb), rgb_to_ycbcr(rgb)[:, :1])
