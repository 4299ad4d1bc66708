"""`baluja`: preparation, hiding and reveal networks of Baluja 2017, the first to hide a whole picture in a picture.

S. Baluja, "Hiding Images in Plain Sight: Deep Steganography", NIPS 2017; its longer version is "Hiding Images within
Images", IEEE TPAMI 42 (7), 2020, doi 10.1109/TPAMI.2019.2901877.
"""

import torch
from torch import Tensor, nn

from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.hiders.base import Hider


class Layer(nn.Module):
    """3x3, 4x4 and 5x5 convolutions side by side, concatenated, ReLU; (N, in, H, W) -> (N, 3 width, H, W).

        x --+-- 3x3 --+
            +-- 4x4 --+-- concat -- ReLU -->
            +-- 5x5 --+

    The 4x4 convolution sees one row above and two below, one column to the left and two to the right, as with the
    "same" padding of TensorFlow: two zeros are padded on all sides, and the first row and column of what comes out are
    dropped.
    """

    def __init__(self, in_channels: int, width: int):
        super().__init__()
        self.three = nn.Conv2d(in_channels, width, 3, padding=1)
        self.four = nn.Conv2d(in_channels, width, 4, padding=2)
        self.five = nn.Conv2d(in_channels, width, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.three(x), self.four(x)[..., 1:, 1:], self.five(x)], dim=1).relu_()


def preparation(channels: int, width: int) -> nn.Sequential:
    """secret (N, channels, H, W) -> its features (N, 3 width, H, W)."""
    return nn.Sequential(
        Layer(channels, width),
        Layer(3 * width, width),
    )


def hiding(width: int) -> nn.Sequential:
    """cover and the secret's features (N, 3 + 3 width, H, W) -> stego (N, 3, H, W)."""
    return nn.Sequential(
        Layer(3 + 3 * width, width),
        Layer(3 * width, width),
        Layer(3 * width, width),
        Layer(3 * width, width),
        Layer(3 * width, width),
        nn.Conv2d(3 * width, 3, 1),
    )


def revealing(channels: int, width: int) -> nn.Sequential:
    """stego (N, 3, H, W) -> secret (N, channels, H, W)."""
    return nn.Sequential(
        Layer(3, width),
        Layer(3 * width, width),
        Layer(3 * width, width),
        Layer(3 * width, width),
        Layer(3 * width, width),
        nn.Conv2d(3 * width, channels, 1),
    )


@hiders.register("baluja")
class Baluja(Hider):
    """A secret in all three channels of the cover, by three networks trained as one.

        secret -- preparation --+
                                +-- hiding --> stego -- reveal --> secret
        cover ------------------+

    The paper fixes: the three networks and what each sees; for the hiding network five layers of 50 filters each of
    3x3, 4x4 and 5x5, the best of more than thirty tried; a colour secret; Adam, and the sum of both ends' squared
    errors with a weight on the secret's. It flips low bits of the stego image at times, lest the secret be written into
    them.
    Our reading, from public reimplementations: two such layers in the preparation network and five in the reveal
    network; one more convolution, 1x1 and without an activation, makes the picture. (A well-known one has 50, 10 and 5
    filters instead of 50, 50 and 50.) Cover and secret have the same size, so nothing is enlarged in preparation.
    Ours: a gray secret unless told otherwise; ReLU; He's initialisation (arXiv 1502.01852), biases zero; in place of
    the flipped bits the stego image is clipped and rounded to 8 bits before it is revealed, as with every hider here.

    Args:
        width: filters of each kernel size in a layer, 4 to 100. The paper's 50 cost 2.3 million multiplications a pixel
            to hide and 1.5 million to reveal; they go with the square of it.
        colour: the paper's task. The secret and what is revealed of it are (N, 3, H, W) instead of the contract's (N,
            1, H, W).
        residual: 0 for the paper's output. a > 0 for a residual output, stego = cover + a tanh, whose last layer starts
            near zero, so that training starts at the identity; .1 to .2 works for `isgan`.

    By default 0.38 M parameters in preparation, 1.88 M in hiding, 1.51 M in reveal.
    """

    # Two layers of preparation and five of hiding, each as far as its 5x5 convolution; the five of reveal reach less.
    halo = (2 + 5) * 2

    def __init__(self, width: int = 50, colour: bool = False, residual: float = 0.0):
        if not (4 <= width <= 100 and 0 <= residual <= 1):
            raise IsganError(f"baluja with width={width} (4 to 100), residual={residual} (0 to 1) is out of bounds")
        super().__init__(width=width, colour=colour, residual=residual)
        self.secret_channels = 3 if colour else 1
        self.residual = residual
        self.preparation = preparation(self.secret_channels, width)
        self.hiding = hiding(width)
        self.revealing = revealing(self.secret_channels, width)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        if residual:
            nn.init.normal_(next(self.hiding[-1].parameters()), std=1e-4)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """cover (N, 3, H, W), secret (N, 1, H, W), or (N, 3, H, W) if `colour` -> stego (N, 3, H, W)."""
        if secret.shape[1] != self.secret_channels:
            wanted = f"a secret of {self.secret_channels} channel{'s' * (self.secret_channels > 1)}"
            kind = f"baluja with colour={self.secret_channels == 3}"
            raise IsganError(f"{kind} hides {wanted}, not {secret.shape[1]}: convert the secret")
        out = self.hiding(torch.cat([cover, self.preparation(secret)], dim=1)).float()
        return cover + self.residual * torch.tanh(out) if self.residual else out

    def reveal(self, stego: Tensor) -> Tensor:
        """stego (N, 3, H, W) -> secret (N, 1, H, W), or (N, 3, H, W) if `colour`."""
        return self.revealing(stego).float()
