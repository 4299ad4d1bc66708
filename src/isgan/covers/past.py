"""The guard: whether something is known of a picture's past that a single changed sample would not fit.

Fridrich, Goljan and Du, "Steganalysis based on JPEG compatibility", SPIE 2001: what a JPEG decoder gives lies on a
lattice, that of the quantised DCT in each block of 8 x 8 pixels, and that of whole numbers of Y, Cb, Cr in each pixel's
colour. A picture whose contrast was stretched skips values, and a drawing has few colours.

Measured on photographs with and without a past: `benchmarks/guard.py`, docs/results/guard.csv.
"""

import numpy as np

from isgan.covers.base import Planes

REGION = 128  # side in pixels of the regions that are looked at
REGIONS = 4  # across, and down, at most
PIXELS = 20_000  # whose colours are looked at, at most
FEWEST = 300  # coefficients without which nothing is said
LUMA, PACK = np.array([[0.299, 0.587, 0.114], [1 << 16, 1 << 8, 1]], np.float32)  # weights of R, G, B
REACHABLE = 0.25  # share of all colours on a lattice
SUSPECT = 0.45  # share of a picture's colours on a lattice from which on it is suspect, if these are many
DEVIATIONS, PEAK = 8.0, 3.0  # of grids that stand out; of photographs without a past seldom over 5 and 2
SPREAD = 0.005  # of the shares of zeros, at least; of photographs without a past up to .006
GAPS, BESIDE = 3, 10  # values that never occur, though each next to them occurs so often; 0 of 660 without a past
COLORS, MANY = 256, 4096  # different colours that are suspect, of how many pixels


def past_of(planes: Planes) -> str | None:
    """What a picture shows of its past ("was decoded from a JPEG or AVIF file"), or None if nothing is known.

    Args:
        planes: R, G, B or one gray plane of samples, (h, w) each.
    """
    regions = _regions(planes)
    luma = regions[:, 0]
    if len(planes) == 3:
        colors = _colors(regions)
        # Whether JPEG's formulas reach a colour depends on R - G and B - G alone. Each pair counts once: of grayish
        # pictures a few that are reachable make up most. AVIF's decoder gives fractions of Cb and Cr; most still fit.
        if _suspect(jpeg_reachable(_one_of_each(colors, colors[:, ::2] - colors[:, 1:2]))):
            return "was decoded from a JPEG or AVIF file"
        if _suspect(webp_reachable(_one_of_each(colors, colors))):
            return "was decoded from a WebP file"
        count = len(np.unique(np.tensordot(regions, PACK, (1, 0))))
        if count <= COLORS and luma.size >= MANY:
            return f"has no more than {count} colours"
        luma = np.tensordot(regions, LUMA, (1, 0))
    if any(_gaps(regions[:, plane]) >= GAPS for plane in range(len(planes))):
        return "skips values, as contrast that was stretched does"
    nearer, peak = grid_deviations(luma)
    return "was decoded from a JPEG or another file with loss" if nearer > DEVIATIONS or peak > PEAK else None


def _gaps(samples: np.ndarray) -> int:
    """How many values never occur, though the values next to them do."""
    counts = np.bincount(samples.astype(np.uint8).ravel(), minlength=256)
    return int(((counts[1:-1] == 0) & (np.minimum(counts[:-2], counts[2:]) >= BESIDE)).sum())


def _suspect(reached: np.ndarray) -> bool:
    """Whether too many of different colours are reached, four standard deviations being allowed for."""
    if len(reached) == 0:
        return False
    chance = REACHABLE + 4 * (REACHABLE * (1 - REACHABLE) / len(reached)) ** 0.5
    return bool(reached.mean() > max(SUSPECT, chance))


def _one_of_each(colors: np.ndarray, keys: np.ndarray) -> np.ndarray:
    return colors[np.unique(keys, axis=0, return_index=True)[1]]


def jpeg_reachable(colors: np.ndarray) -> np.ndarray:
    """Which colours whole numbers of Y, Cb, Cr give by JFIF's formulas, rounded as libjpeg does.

    Args:
        colors: (n, 3) of 1 ... 254; what is clipped can come from anywhere.

    Returns:
        (n,) bool.
    """
    red, green, blue = colors.T
    luma = np.rint(0.299 * red + 0.587 * green + 0.114 * blue).astype(np.int64)
    found = np.zeros(len(colors), bool)
    for y in (luma - 1, luma, luma + 1):
        # The steps of R - Y and B - Y are larger than 1: at most one Cr and one Cb, less 128, give each.
        cr, cb = np.rint((red - y) / 1.402), np.rint((blue - y) / 1.772)
        fits = (_rounded(1.402 * cr) == red - y) & (_rounded(1.772 * cb) == blue - y)
        found |= fits & (_rounded(-0.34414 * cb - 0.71414 * cr) == green - y)
    return found


def webp_reachable(colors: np.ndarray) -> np.ndarray:
    """Which colours whole numbers of Y, U, V give by libwebp's formulas; as `jpeg_reachable`."""
    red, green, blue = colors.T
    found = np.zeros(len(colors), bool)
    luma = np.rint(16 + 219 / 255 * (0.299 * red + 0.587 * green + 0.114 * blue)).astype(np.int64)
    for y in (luma - 1, luma, luma + 1):
        bright = y * 19077 >> 8
        nearest_v = np.rint((red * 64 + 32 + 14234 - bright) * 256 / 26149).astype(np.int64)
        nearest_u = np.rint((blue * 64 + 32 + 17685 - bright) * 256 / 33050).astype(np.int64)
        for v in (nearest_v - 1, nearest_v, nearest_v + 1):
            fits_red = (bright + (v * 26149 >> 8) - 14234) >> 6 == red
            for u in (nearest_u - 1, nearest_u, nearest_u + 1):
                fits = fits_red & ((bright + (u * 33050 >> 8) - 17685) >> 6 == blue)
                found |= fits & ((bright - (u * 6419 >> 8) - (v * 13320 >> 8) + 8708) >> 6 == green)
    return found


def grid_deviations(luma: np.ndarray) -> tuple[float, float]:
    """How much one of the 64 grids of 8 x 8 blocks stands out by its DCT coefficients.

    Quantised coefficients are whole numbers, and rounding to 8 bits moves them by .29 on average. So at high qualities
    they are nearer to whole numbers, and at medium and low ones more of them are next to 0.

    Args:
        luma: (regions, h, w) float32.

    Returns:
        How much nearer to whole numbers they are in the best grid, in standard errors; and by how much the grid with
        the most zeros is ahead of the next, in deviations of all grids.
    """
    zeros, distances, counts = [], [], []
    for grid in range(64):
        coefficients = np.abs(_coefficients(luma, *divmod(grid, 8)))
        coefficients = coefficients[(coefficients[:, 1:] > 0.5).any(1)]  # flat blocks, as of a border, say nothing
        large = coefficients[coefficients > 0.5]
        if len(large) < FEWEST:
            return 0.0, 0.0
        zeros.append(1 - len(large) / coefficients.size)
        distances.append(np.abs(large - np.rint(large)).mean())
        counts.append(len(large))
    nearest = int(np.argmin(distances))
    # Of numbers anywhere between whole ones, the distance's standard deviation is 1 / sqrt(48).
    nearer = float(np.median(np.array(distances)) - distances[nearest]) * (48 * counts[nearest]) ** 0.5
    # Not ahead of the middle: borders make whole rows or columns of grids stand out.
    *_, second, first = sorted(zeros)
    spread = float(1.5 * np.median(np.abs(np.array(zeros) - np.median(np.array(zeros)))))
    return nearer, (first - second) / max(spread, SPREAD)


def _coefficients(luma: np.ndarray, down: int, across: int) -> np.ndarray:
    """The DCT coefficients of all blocks of the grid that starts there, (blocks, 64), the mean first."""
    rows, columns = (luma.shape[1] - down) // 8, (luma.shape[2] - across) // 8
    blocks = luma[:, down : down + 8 * rows, across : across + 8 * columns].reshape(len(luma), rows, 8, columns, 8)
    return (DCT @ blocks.transpose(0, 1, 3, 2, 4) @ DCT.T).reshape(-1, 64)


def _rounded(value: np.ndarray) -> np.ndarray:
    return np.floor(value + 0.5)


def _dct() -> np.ndarray:
    """The orthonormal DCT of 8 points, (8, 8)."""
    frequency, place = np.mgrid[0:8, 0:8]
    matrix = np.cos((2 * place + 1) * frequency * np.pi / 16) / 2
    matrix[0] /= 2**0.5
    return matrix.astype(np.float32)


DCT = _dct()


def _regions(planes: Planes) -> np.ndarray:
    """Evenly spread regions with corners on one grid of 8 pixels, (regions, planes, h, w); all of a small picture."""
    spans = []
    for length in planes[0].shape:
        if length <= REGION * REGIONS:
            spans.append([slice(0, length)])
        else:
            starts = [(length - REGION) * number // (REGIONS - 1) // 8 * 8 for number in range(REGIONS)]
            spans.append([slice(start, start + REGION) for start in starts])
    regions = [[plane[rows, columns] for plane in planes] for rows in spans[0] for columns in spans[1]]
    return np.array(regions, np.float32)


def _colors(regions: np.ndarray) -> np.ndarray:
    """Colours of pixels that are neither gray nor clipped, which any past can have, (n, 3) int64."""
    colors = regions.transpose(0, 2, 3, 1).reshape(-1, 3)
    colors = colors[:: max(1, len(colors) // (2 * PIXELS))]
    telling = (colors.min(1) > 0) & (colors.max(1) < 255) & (np.ptp(colors, 1) > 0)
    return colors[telling][:PIXELS].astype(np.int64)
