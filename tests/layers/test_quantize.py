"""Rounding to 8 bits: the nearest values, and the gradient as it is."""

from itertools import product

import torch
from images import eight_bit, on_grid

from isgan.color import luma
from isgan.layers.quantize import quantize, quantize_luma


def test_quantize_rounds_to_the_nearest():
    levels = torch.arange(256, dtype=torch.float64)
    for offset in (-0.49, -0.2, 0.0, 0.2, 0.49):
        assert torch.equal(quantize((levels + offset) / 255), levels / 255)
    assert quantize(torch.tensor([-3.0, -0.01, 1.01, 3.0])).tolist() == [0, 0, 1, 1]
    values = quantize(torch.rand(10_000), 63).unique()
    assert len(values) == 64 and torch.allclose(values * 63, torch.arange(64.0), atol=1e-4)


def test_quantize_luma_takes_the_best_of_the_eight_ways_to_round():
    """Against trying them all, pixel by pixel, away from whole levels: a hair below one is that level."""
    image = (torch.randint(0, 2550, (1, 3, 20, 30)) + 0.5) / 2550
    image[..., 0, :9] = torch.tensor([1.2, 1.0, 0.999, 0.9985, 0.5, 0.001, 0.0, -0.1, 254 / 255])
    image[:, 1:, 1] = torch.tensor([1.0, 0.9993]).view(1, 2, 1)
    saved = quantize_luma(image)
    assert on_grid(saved)
    wanted = (image.clamp(0, 1) * 255).double()
    ways = [torch.stack(way, dim=1) for way in product(*([c.floor(), c.ceil()] for c in wanted.unbind(dim=1)))]
    least = torch.stack([luma(way - wanted).abs() for way in ways]).amin(dim=0)
    assert torch.allclose(luma(saved.double() * 255 - wanted).abs(), least, atol=2e-3)
    assert (saved * 255 - wanted).abs().max() <= 1.001


def test_quantize_luma_leaves_8_bit_images_alone_and_passes_the_gradient():
    image = eight_bit(2, 3, 16, 16).requires_grad_()
    saved = quantize_luma(image)
    assert torch.equal(saved, image)
    gradient = torch.randn(image.shape)
    saved.backward(gradient)
    assert torch.equal(image.grad, gradient)


def test_quantize_passes_the_gradient_as_it_is():
    image = torch.tensor([-0.5, 0.1, 0.3002, 1.2], requires_grad=True)
    gradient = torch.tensor([1.0, -2.0, 3.0, 4.0])
    quantize(image).backward(gradient)
    assert torch.equal(image.grad, gradient)
