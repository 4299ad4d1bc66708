"""`atique`: the encoder-decoder of Rehman et al. 2017, the rival in the paper's Table 5.

A. ur Rehman, R. Rahim, M. S. Nadeem, S. ul Hussain, "End-to-End Trained CNN Encoder-Decoder Networks for Image
Steganography", ECCV Workshops 2018, arXiv 1711.07201, doi 10.1007/978-3-030-11018-5_64. It calls the secret the guest
and the cover the host.
"""

import torch
from torch import Tensor, nn

from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.hiders.base import Hider


def conv_relu(in_channels: int, out_channels: int, kernel: int = 3) -> nn.Sequential:
    """Convolution and ReLU; (N, in, H, W) -> (N, out, H, W)."""
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2), nn.ReLU())


class Encoder(nn.Module):
    """host (N, 3, H, W), guest (N, 1, H, W) -> hybrid (N, 3, H, W).

        guest -- 3x3 -+---- 3x3 3x3 -+---- 3x3 3x3 -+---- 3x3 3x3 -+
                      v              v              v              v
        host --- 3x3 cat -- 3x3 3x3 cat -- 3x3 3x3 cat -- 3x3 3x3 cat -- 1x1 1x1 1x1 --> hybrid

    ReLU after every convolution but the last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.guest = nn.Sequential(
            conv_relu(1, 16),
            nn.Sequential(conv_relu(16, 16), conv_relu(16, 16)),
            nn.Sequential(conv_relu(16, 16), conv_relu(16, 16)),
            nn.Sequential(conv_relu(16, 16), conv_relu(16, 16)),
        )
        self.host = nn.Sequential(
            conv_relu(3, 16),
            nn.Sequential(conv_relu(32, 16), conv_relu(16, 16)),
            nn.Sequential(conv_relu(32, 16), conv_relu(16, 16)),
            nn.Sequential(conv_relu(32, 16), conv_relu(16, 16)),
        )
        self.hybrid = nn.Sequential(
            conv_relu(32, 16, 1),
            conv_relu(16, 8, 1),
            nn.Conv2d(8, 3, 1),
        )

    def forward(self, host: Tensor, guest: Tensor) -> Tensor:
        for host_layers, guest_layers in zip(self.host, self.guest, strict=True):
            guest = guest_layers(guest)
            host = torch.cat([host_layers(host), guest], dim=1)
        return self.hybrid(host)


def decoder() -> nn.Sequential:
    """hybrid (N, 3, H, W) -> guest (N, 1, H, W)."""
    return nn.Sequential(
        conv_relu(3, 16),
        conv_relu(16, 16),
        conv_relu(16, 8),
        conv_relu(8, 8),
        conv_relu(8, 3),
        conv_relu(3, 3),
        nn.Conv2d(3, 1, 1),
    )


@hiders.register("atique")
class Atique(Hider):
    """A gray secret in all three channels of the cover, by an encoder of two branches and a plain decoder.

        cover, secret --> encoder --> stego --> decoder --> secret

    The paper fixes: a gray secret in an RGB cover of the same size; two branches of convolutions and ReLU, the guest's
    features concatenated to the host's at every other layer; the encoder's output is the stego image, without an
    activation; a decoder of convolutions in a row; Xavier weights. Its training: the squared errors of both ends,
    equally weighted, plus 1e-4 times the squared weights; Adam at 1e-4; batches of 32 pairs, 32 x 32.
    Our reading: the layers are drawn in a figure there, which the table here takes at second hand. Two public
    reimplementations agree on 16 channels, four concatenations, 1x1 convolutions to 16, 8 and 3 channels at the end,
    and a decoder of 16, 16, 8, 8 and 3 channels (a third is wider); for what comes before the first concatenation and
    how the decoder ends, where they differ, we follow GitHub `junhyeog/EDS`.
    Ours: biases start at zero; the stego image is clipped and rounded to 8 bits before it is revealed, as with every
    hider here.

    Args:
        residual: 0 for the paper's output. a > 0 for a residual output, stego = cover + a tanh, whose last layer starts
            near zero, so that training starts at the identity; .1 to .2 works for `isgan`.

    36,051 parameters in the encoder, 4,819 in the decoder.
    """

    # Encoder: seven 3x3 convolutions in a row, by either branch and by every way across; the decoder's six reach less.
    halo = 7

    def __init__(self, residual: float = 0.0):
        if not 0 <= residual <= 1:
            raise IsganError(f"atique: residual={residual} is outside [0, 1]")
        super().__init__(residual=residual)
        self.residual = residual
        self.encoder = Encoder()
        self.decoder = decoder()
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        if residual:
            nn.init.normal_(next(self.encoder.hybrid[-1].parameters()), std=1e-3)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        out = self.encoder(cover, secret).float()
        return cover + self.residual * torch.tanh(out) if self.residual else out

    def reveal(self, stego: Tensor) -> Tensor:
        return self.decoder(stego).float()
