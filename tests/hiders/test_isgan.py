"""`isgan` against the paper's tables, layer by layer."""

from itertools import pairwise

import pytest
import torch
from conftest import stirred
from torch import nn

from isgan.errors import IsganError
from isgan.hiders.isgan import ISGAN, decoder, encoder
from isgan.layers.inception import InceptionBlock

# Channels after each row of Table 1 and of Table 2.
TABLE_1 = [2, 16, 32, 64, 128, 256, 128, 64, 32, 16, 1]
TABLE_2 = [1, 32, 64, 128, 64, 32, 1]
NORM = 2  # weight and bias of BatchNorm, a channel


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def inception_parameters(inputs: int, outputs: int) -> int:
    """Figure 3: four branches of a quarter of the outputs, and the shortcut."""
    quarter = outputs // 4
    one = inputs * quarter + NORM * quarter
    three, five = (inputs * quarter + quarter + k * k * quarter * quarter + NORM * quarter for k in (3, 5))
    pooled = inputs * quarter + NORM * quarter
    shortcut = inputs * outputs + outputs
    return one + three + five + pooled + shortcut


def convolution_parameters(inputs: int, outputs: int) -> int:
    return 9 * inputs * outputs + NORM * outputs


def is_conv_bn_act(block: nn.Sequential, inputs: int, outputs: int, kernel: int) -> bool:
    conv, norm, act = block
    return (
        (conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride)
        == (inputs, outputs, (kernel, kernel), (1, 1))
        and conv.padding == (kernel // 2, kernel // 2)
        and conv.bias is None
        and isinstance(norm, nn.BatchNorm2d)
        and norm.num_features == outputs
        and isinstance(act, nn.LeakyReLU)
        and act.negative_slope == 0.01
    )


def test_parameters_of_table_1():
    rows = list(pairwise(TABLE_1))
    expected = convolution_parameters(*rows[0]) + sum(inception_parameters(*row) for row in rows[1:8])
    expected += convolution_parameters(*rows[8]) + (16 + 1)
    assert parameters(encoder()) == expected == 411_153


def test_parameters_of_table_2():
    rows = list(pairwise(TABLE_2))
    expected = sum(convolution_parameters(*row) for row in rows[:5]) + (32 + 1)
    assert parameters(decoder()) == expected == 185_281


def test_layers_of_table_1():
    first, *inceptions, before_last, last = encoder()
    assert is_conv_bn_act(first, 2, 16, 3)
    assert len(inceptions) == 7
    for block, (inputs, outputs) in zip(inceptions, pairwise(TABLE_1[1:9]), strict=True):
        assert isinstance(block, InceptionBlock)
        assert (block.shortcut.in_channels, block.shortcut.out_channels) == (inputs, outputs)
    assert is_conv_bn_act(before_last, 32, 16, 3)
    assert (last.in_channels, last.out_channels, last.kernel_size) == (16, 1, (1, 1)) and last.bias is not None


def test_layers_of_table_2():
    *convolutions, last, act = decoder()
    for block, (inputs, outputs) in zip(convolutions, pairwise(TABLE_2[:6]), strict=True):
        assert is_conv_bn_act(block, inputs, outputs, 3)
    assert (last.in_channels, last.out_channels, last.kernel_size) == (32, 1, (1, 1)) and last.bias is not None
    assert isinstance(act, nn.Sigmoid)


def test_branches_of_the_inception_block():
    block = InceptionBlock(16, 32)
    one, three, five, pooled = block.branches
    assert is_conv_bn_act(one, 16, 8, 1)
    for branch, kernel in ((three, 3), (five, 5)):
        reduce, *rest = branch
        assert (reduce.in_channels, reduce.out_channels, reduce.kernel_size) == (
            16,
            8,
            (1, 1),
        ) and reduce.bias is not None
        assert is_conv_bn_act(nn.Sequential(*rest), 8, 8, kernel)
    pool, *rest = pooled
    assert isinstance(pool, nn.MaxPool2d) and (pool.kernel_size, pool.stride, pool.padding) == (3, 1, 1)
    assert is_conv_bn_act(nn.Sequential(*rest), 16, 8, 1)
    assert block.shortcut.kernel_size == (1, 1) and block.shortcut.bias is not None


def test_the_inception_block_is_branches_side_by_side_plus_shortcut():
    block = stirred(InceptionBlock(4, 8)).eval()
    x = torch.randn(1, 4, 9, 7)
    expected = torch.empty(1, 8, 9, 7)
    for i, branch in enumerate(block.branches):
        expected[:, 2 * i : 2 * i + 2] = branch(x)
    shortcut = torch.einsum("oi,nihw->nohw", block.shortcut.weight[:, :, 0, 0], x) + block.shortcut.bias[:, None, None]
    assert torch.allclose(block(x), expected + shortcut, atol=1e-5)


def test_first_weights_are_xavier():
    hider = ISGAN()
    for layer in hider.modules():
        if isinstance(layer, nn.Conv2d):
            fan = (layer.in_channels + layer.out_channels) * layer.kernel_size[0] ** 2
            bound = (6 / fan) ** 0.5
            assert 0.5 * bound < layer.weight.abs().max() <= bound
            assert layer.bias is None or not layer.bias.any()


@pytest.mark.parametrize("residual", [0.0, 0.2])
def test_output_range(residual):
    """Whatever the last layer says, Y' lies in [0, 1], or within `residual` of Y."""
    hider = stirred(ISGAN(residual)).eval()
    y, secret = torch.rand(2, 2, 1, 12, 12)
    with torch.no_grad():
        for bias in (-50.0, 0.0, 50.0):
            hider.encoder[-1].bias.fill_(bias)
            out = hider.encode(y, secret)
            assert out.shape == y.shape
            low, high = (y - residual, y + residual) if residual else (torch.zeros(()), torch.ones(()))
            assert (out >= low - 1e-6).all() and (out <= high + 1e-6).all()
            if bias:
                assert torch.allclose(out, (high if bias > 0 else low).expand_as(out), atol=1e-4)


def test_the_plain_output_is_the_tanh_as_luma():
    hider = stirred(ISGAN()).eval()
    y, secret = torch.rand(2, 1, 1, 12, 12)
    with torch.no_grad():
        assert torch.allclose(
            hider.encode(y, secret) * 2 - 1, hider.encoder(torch.cat([y, secret], dim=1)).tanh(), atol=1e-6
        )


def test_the_residual_output_starts_near_the_identity():
    torch.manual_seed(0)
    y, secret = torch.rand(2, 1, 1, 24, 24)
    with torch.no_grad():
        assert (ISGAN(residual=0.2).encode(y, secret) - y).abs().max() < 0.5 / 255
        assert (ISGAN().encode(y, secret) - y).abs().mean() > 10 / 255


@pytest.mark.parametrize("residual", [-0.1, 1.1, float("nan")])
def test_bounds(residual):
    with pytest.raises(IsganError, match="residual"):
        ISGAN(residual)
