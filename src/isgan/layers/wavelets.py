"""The wavelet transforms that an invertible network can work on.

Each is made of its number of levels, is exactly invertible, and arranges its bands as `Haar` does:
(N, 1, H, W) -> (N, 4^levels, H / 2^levels, W / 2^levels), always in float32; H and W are multiples of 2^levels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isgan.layers.haar import Haar


class LeGall(nn.Module):
    """The 5/3 transform by lifting, with symmetric extension at each level, as in JPEG 2000.

    D. Le Gall, A. Tabatabai, "Sub-band coding of digital images using symmetric short kernel filters and arithmetic coding techniques",
    ICASSP 1988. Neighbouring blocks overlap, so that a change of a coefficient has no edges. The low-pass band is multiplied by sqrt(2)
    for each direction and level and the high-pass one divided by it: what is flat, and what changes from pixel to pixel, is as large as
    in the Haar transform.

    Attributes:
        reach: as in `Haar`. In blocks of m = 2^levels pixels, a coefficient depends on pixels up to 2 (m - 1) from its block's first, and
            those up to the end of the next block depend on it.
    """

    def __init__(self, levels: int = 2):
        super().__init__()
        self.levels = levels
        self.reach = 4 * 2**levels - 3

    def forward(self, image: Tensor) -> Tensor:
        return _analyse(image.float(), self.levels)

    def inverse(self, bands: Tensor) -> Tensor:
        """(N, 4^levels, h, w) -> (N, 1, h * 2^levels, w * 2^levels), undoing `forward`."""
        return _synthesise(bands.float(), self.levels)


class LearnedHaar(Haar):
    """The Haar transform's coefficients turned by an orthogonal matrix that is learnt, the same in each block; at first not at all.

    The matrix is exp(A - A^T), which is orthogonal whatever A is: the inverse stays the transposed convolution. In evaluation mode it is
    what it was when that began, or weights were loaded; ONNX, for one, has no exponential of matrices.
    """

    turned: Tensor

    def __init__(self, levels: int = 2):
        super().__init__(levels)
        self.generator = nn.Parameter(torch.zeros(4**levels, 4**levels))
        self.register_buffer("turned", self.kernels[:, None], persistent=False)
        self.register_load_state_dict_post_hook(_turn_again)

    def train(self, mode: bool = True) -> "LearnedHaar":
        if not mode:
            self.turned = self._turned().detach()
        return super().train(mode)

    def basis(self) -> Tensor:
        return self._turned() if self.training else self.turned

    def _turned(self) -> Tensor:
        generator = self.generator.double()  # in float32 the exponential of a large matrix is orthogonal to 1e-5 only
        turn = torch.matrix_exp(generator - generator.T)
        return (turn.float() @ self.kernels.flatten(1)).view_as(self.kernels)[:, None]


def _turn_again(transform: nn.Module, _keys: object) -> None:
    transform.train(transform.training)


TRANSFORMS: dict[str, type[Haar] | type[LeGall]] = {"haar": Haar, "cdf53": LeGall, "learned": LearnedHaar}


def _analyse(image: Tensor, levels: int) -> Tensor:
    """(N, 1, H, W) -> (N, 4^levels, H / 2^levels, W / 2^levels)."""
    if levels == 0:
        return image
    columns = torch.cat(_split(image), dim=1)
    bands = torch.cat(_split(columns.mT), dim=1).mT  # low-pass, horizontal, vertical and diagonal detail, (N, 4, H / 2, W / 2)
    return torch.cat([_analyse(bands[:, :1], levels - 1), F.pixel_unshuffle(bands[:, 1:], 2 ** (levels - 1))], dim=1)


def _synthesise(bands: Tensor, levels: int) -> Tensor:
    if levels == 0:
        return bands
    coarse, details = bands.tensor_split([4 ** (levels - 1)], dim=1)
    bands = torch.cat([_synthesise(coarse, levels - 1), F.pixel_shuffle(details, 2 ** (levels - 1))], dim=1)
    columns = _merge(*bands.mT.chunk(2, dim=1)).mT
    return _merge(*columns.chunk(2, dim=1))


def _split(x: Tensor) -> tuple[Tensor, Tensor]:
    """One level along the last dimension, (..., 2 n) -> low-pass and high-pass band, (..., n) each."""
    even, odd = x[..., ::2], x[..., 1::2]
    high = odd - (even + _next(even)) / 2
    low = even + (_previous(high) + high) / 4
    return low * 2**0.5, high / 2**0.5


def _merge(low: Tensor, high: Tensor) -> Tensor:
    low, high = low / 2**0.5, high * 2**0.5
    even = low - (_previous(high) + high) / 4
    odd = high + (even + _next(even)) / 2
    return torch.stack([even, odd], dim=-1).flatten(-2)


def _next(even: Tensor) -> Tensor:
    """Each sample's right neighbour; beyond the end the signal is mirrored at its last, odd sample."""
    return torch.cat([even[..., 1:], even[..., -1:]], dim=-1)


def _previous(odd: Tensor) -> Tensor:
    """Each sample's left neighbour; before the start the signal is mirrored at its first, even sample."""
    return torch.cat([odd[..., :1], odd[..., :-1]], dim=-1)
