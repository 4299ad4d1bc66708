"""Directional residuals of a wavelet, which WOW and S-UNIWARD have in common.

V. Holub, J. Fridrich: Designing Steganographic Distortion Using Directional Filters, WIFS 2012: a Daubechies wavelet's
filters h (low-pass) and g (high-pass), put together to h g^T, g h^T and g g^T.
"""

from collections.abc import Callable

import numpy as np

from isgan.costs.windows import correlate

# The high-pass filter with 8 vanishing moments: I. Daubechies, Ten Lectures on Wavelets, table 6.1.
HIGH = np.array([
    -0.0544158422, 0.3128715909, -0.6756307363, 0.5853546837, 0.0158291053, -0.2840155430, -0.0004724846, 0.1287474266,
    0.0173693010, -0.0440882539, -0.0139810279, 0.0087460940, 0.0048703530, -0.0003917404, -0.0006754494, -0.0001174768,
])  # fmt: skip
LOW = HIGH[::-1] * (-1.0) ** np.arange(HIGH.size)
FILTERS = ((LOW, HIGH), (HIGH, LOW), (HIGH, HIGH))
BORDER = HIGH.size - 1


def suitabilities(samples: np.ndarray, weight: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
    """How weights of the residuals around a sample add up, each by how much the sample moves it, in three directions.

    Args:
        samples: (rows + 2 BORDER, columns + 2 BORDER).
        weight: of the residuals' sizes.

    Returns:
        Three (rows, columns) float64.
    """
    x = samples.astype(np.float64)
    sums = []
    for down, across in FILTERS:
        residual = correlate(correlate(x, down[::-1].copy(), 0), across[::-1].copy(), 1)
        weights = weight(np.abs(residual, out=residual))
        sums.append(correlate(correlate(weights, np.abs(down), 0), np.abs(across), 1))
    return sums
