"""`isgan`: the paper's encoder (Table 1) and decoder (Table 2)."""

import torch
from torch import Tensor, nn

from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.hiders.base import LumaHider
from isgan.layers.ends import exact_ends
from isgan.layers.inception import InceptionBlock, conv_bn_act


def encoder() -> nn.Sequential:
    """Table 1, up to the last convolution: (N, 2, H, W), Y and secret -> (N, 1, H, W) before the tanh."""
    return nn.Sequential(
        conv_bn_act(2, 16, 3),
        InceptionBlock(16, 32),
        InceptionBlock(32, 64),
        InceptionBlock(64, 128),
        InceptionBlock(128, 256),
        InceptionBlock(256, 128),
        InceptionBlock(128, 64),
        InceptionBlock(64, 32),
        conv_bn_act(32, 16, 3),
        nn.Conv2d(16, 1, 1),
    )


def decoder() -> nn.Sequential:
    """Table 2: (N, 1, H, W), Y of the stego image -> (N, 1, H, W), the secret."""
    return nn.Sequential(
        conv_bn_act(1, 32, 3),
        conv_bn_act(32, 64, 3),
        conv_bn_act(64, 128, 3),
        conv_bn_act(128, 64, 3),
        conv_bn_act(64, 32, 3),
        nn.Conv2d(32, 1, 1),
        nn.Sigmoid(),
    )


@hiders.register("isgan")
class ISGAN(LumaHider):
    """The paper's networks. Without an adversarial term in training this is its "basic model".

    Args:
        residual: 0 for the paper's output, Y' = (tanh + 1) / 2 (the authors take the tanh's [-1, 1] as it is; mapping
            it to [0, 1] is our reading). a > 0 for a residual output, Y' = Y + a tanh, whose last layer starts near
            zero, so that training starts at the identity; .1 to .2 works.

    Weights: Xavier (paper). 0.41 M parameters in the encoder, 0.19 M in the decoder.
    """

    # Encoder: seven 5x5 and two 3x3 convolutions; the decoder's five 3x3 reach less.
    halo = 7 * 2 + 2

    def __init__(self, residual: float = 0.0):
        if not 0 <= residual <= 1:
            raise IsganError(f"isgan: residual={residual} is outside [0, 1]")
        super().__init__(residual=residual)
        self.residual = residual
        self.encoder = encoder()
        self.decoder = decoder()
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        if residual:
            nn.init.normal_(next(self.encoder[-1].parameters()), std=1e-3)

    def encode(self, y: Tensor, secret: Tensor) -> Tensor:
        out = torch.tanh(exact_ends(self.encoder, torch.cat([y, secret], dim=1)))
        return y + self.residual * out if self.residual else (out + 1) / 2

    def decode(self, y: Tensor) -> Tensor:
        return exact_ends(self.decoder, y, last=2)
