"""The guard: whether something is known of a picture's past that a single changed sample would not fit.

Fridrich, Goljan and Du, "Steganalysis based on JPEG compatibility", SPIE 2001: what a JPEG decoder gives lies on a
lattice, that of the quantised DCT in each block of 8 x 8 pixels, and that of whole numbers of Y, Cb, Cr in each pixel's
colour. A picture whose contrast was stretched or whose bits were reduced skips values, a drawing has few colours, in an
exactly gray part each change is the only colour, and of a picture that was enlarged to twice its size every second
sample follows from the others.

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
MATRICES = ((0.2126, 0.0722, True), (0.299, 0.114, True), (0.2627, 0.0593, True), (0.2126, 0.0722, False))
"""Of `video_reachable`: BT.709, BT.601, BT.2020; BT.709 in full range."""
NARROW = 0.3  # as `SUSPECT`, of narrow ranges, which reach a sixth of all colours; of photographs without a past at most .2
SOME = 4000  # colours that are looked at for them, at most
SUSPECT = 0.45  # share of a picture's colours on a lattice from which on it is suspect, if these are many
DEVIATIONS, PEAK = 8.0, 3.0  # of grids that stand out; of photographs without a past seldom over 5 and 2
SPREAD = 0.005  # of the shares of zeros, at least; of photographs without a past up to .006
GAPS, BESIDE = 3, 10  # gaps of values that never occur, though those around them occur so often; 0 of 1 540 without a past
AROUND = 16  # values below, and above, that are around one
COLORS, MANY = 256, 4096  # different colours that are suspect, of how many pixels
LEVELS = 32  # different values of a plane that are suspect; without a past at least 109
DOUBLED, STEEP = 0.12, 20  # the least that counts of `_parity`; differences from which on all count alike
PLACES = 12
GRAY, EVEN = 0.3, 1  # share of exactly gray neighbourhoods that is suspect, of those whose values differ by more


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
        if _suspect(jpeg_reachable(_one_of_each(colors, (colors[:, ::2] - colors[:, 1:2] + 256) @ (1 << 9, 1)))):
            return "was decoded from a JPEG or AVIF file"
        if _suspect(webp_reachable(_one_of_each(colors, colors @ (1 << 16, 1 << 8, 1)))):
            return "was decoded from a WebP file"
        some = _one_of_each(colors, colors @ (1 << 16, 1 << 8, 1))
        some = some[:: -(-len(some) // SOME) or 1]
        if any(_suspect(video_reachable(some, *matrix), NARROW if matrix[2] else SUSPECT) for matrix in MATRICES):
            return "was decoded from a video or another file with loss"
        count = len(np.unique(np.tensordot(regions, PACK, (1, 0))))
        if count <= COLORS and luma.size >= MANY:
            return f"has no more than {count} colours"
        if _gray_share(regions) > GRAY:
            return "has a large part that is exactly gray"
        luma = np.tensordot(regions, LUMA, (1, 0))
    counts = [np.bincount(regions[:, plane].astype(np.uint8).ravel(), minlength=256) for plane in range(len(planes))]
    levels = min((int((count > 0).sum()) for count in counts if count.max() < luma.size), default=256)  # none flat
    if levels <= LEVELS and luma.size >= MANY:
        return f"has no more than {levels} different values of {'a channel' if len(planes) == 3 else 'gray'}"
    if any(_gaps(count) >= GAPS for count in counts):
        return "skips values, as contrast that was stretched does"
    nearer, peak = grid_deviations(luma)
    if nearer > DEVIATIONS or peak > PEAK:
        return "was decoded from a JPEG or another file with loss"
    return "was enlarged" if _parity(luma) > max(DOUBLED, 10 / luma.size**0.5) else None


def remedy(past: str) -> str:
    """What to do about a cover of which `past_of` says so."""
    # By .45, since the blocks of 16 of HEIC and AVIF come by .5 to those of 8 that a JPEG has, and show.
    if past.startswith("was decoded from a JPEG"):
        return "scale it down, --scale 0.45, or hide in the JPEG itself, -o NAME.jpg"
    if past.startswith("was decoded"):
        return "scale it down, --scale 0.45"
    if past == "was enlarged":
        return "take the photograph as it was before, or scale it down, --scale 0.45"
    if past.startswith("skips values"):
        return "scale it down, --scale 0.5, or take another photograph"
    return "take another photograph"


def _gaps(counts: np.ndarray) -> int:
    """In how many places values never occur, though those next to them do, or many within `AROUND` on each side.

    On each side at least two must: a border of one value alone, far from all others, makes no gap. Values in a row that are missing are
    one place: between a black part, spread over a few values when it was scaled, and the rest of a picture there is one.
    """
    beside = np.minimum(counts[:-2], counts[2:]) >= BESIDE
    around = np.full(254, counts.sum() >= MANY)
    for occurring, least in ((counts, AROUND * BESIDE), (counts >= BESIDE, 2)):
        sums = np.lib.stride_tricks.sliding_window_view(np.pad(occurring.astype(np.int64), AROUND), AROUND).sum(1)
        # sums[value] are the values below it, sums[value + AROUND + 1] those above.
        around &= np.minimum(sums[1:255], sums[AROUND + 2 : AROUND + 256]) >= least
    gaps = (counts[1:-1] == 0) & (beside | around)
    return int(gaps[0]) + int((gaps[1:] > gaps[:-1]).sum())


def _parity(luma: np.ndarray) -> float:
    """How much first or third differences across or down differ between even and odd places, as a logarithm of their means' quotient.

    Interpolation to twice the size repeats its steps at every second sample (Gallagher, CRV 2005). The edges of a JPEG's blocks
    that was scaled come at every fourth or sixth: of twelve places in turn they are at half of the even ones at most, so these are
    told apart by the third smallest of six.
    """
    found = 0.0
    for order in (1, 3):
        for axis in (1, 2):
            steps = np.minimum(np.abs(np.diff(luma, order, axis=axis)), STEEP)
            across = (steps if axis == 2 else steps.swapaxes(1, 2)).mean(axis=(0, 1))
            if len(across) >= PLACES:
                whole = across[: len(across) // PLACES * PLACES].reshape(-1, PLACES).mean(axis=0) + 0.02
                even, odd = np.sort(whole[::2]), np.sort(whole[1::2])
                middle = max(np.log(even[2] / odd[3]), np.log(odd[2] / even[3]))
                found = max(found, float(min(middle, abs(np.log(even.mean() / odd.mean())))))
    return found


def _gray_share(regions: np.ndarray) -> float:
    """Of all neighbourhoods of 3 x 3 pixels that are not even, nor clipped in the middle: how many are exactly gray.

    A change there is the only colour. In even ones nothing is hidden: white backgrounds are left aside.
    """
    green = regions[:, 1].astype(np.uint8)
    gray = (regions[:, 0] == regions[:, 1]) & (regions[:, 2] == regions[:, 1])
    if min(green.shape[1:]) < 3 or not gray.any():
        return 0.0
    middle = regions[:, :, 1:-1, 1:-1]
    spread = _over_neighbours(np.maximum, green) - _over_neighbours(np.minimum, green)
    telling = (middle.min(1) > 0) & (middle.max(1) < 255) & (spread > EVEN)
    if telling.sum() < FEWEST:
        return 0.0
    return float((telling & _over_neighbours(np.logical_and, gray)).sum() / telling.sum())


def _over_neighbours(combine: np.ufunc, values: np.ndarray) -> np.ndarray:
    """Of each 3 x 3 pixels, (regions, h - 2, w - 2)."""
    rows = combine(combine(values[:, :-2], values[:, 1:-1]), values[:, 2:])
    return combine(combine(rows[:, :, :-2], rows[:, :, 1:-1]), rows[:, :, 2:])


def _suspect(reached: np.ndarray, share: float = SUSPECT) -> bool:
    """Whether too many of different colours are reached, four standard deviations being allowed for."""
    if len(reached) == 0:
        return False
    chance = REACHABLE + 4 * (REACHABLE * (1 - REACHABLE) / len(reached)) ** 0.5
    return bool(reached.mean() > max(share, chance))


def _one_of_each(colors: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Of colours, (n, 3), with the same number for a key, (n,), the first."""
    return colors[np.unique(keys, return_index=True)[1]]


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
        cr, cb = (np.rint(part).astype(np.int64) for part in ((red - y) / 1.402, (blue - y) / 1.772))
        # In libjpeg's whole numbers: in exact ones a few colours, such as (204, 216, 58), are rounded the other way.
        fits = (91881 * cr + 32768 >> 16 == red - y) & (116130 * cb + 32768 >> 16 == blue - y)
        found |= fits & (-22554 * cb - 46802 * cr + 32768 >> 16 == green - y)
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


def video_reachable(colors: np.ndarray, red: float, blue: float, narrow: bool) -> np.ndarray:
    """Which colours whole numbers of Y, Cb, Cr give by a matrix of video; as `jpeg_reachable`.

    Args:
        red, blue: what they weigh in Y (ITU-T H.273, 8.3).
        narrow: Y is 16 ... 235, Cb and Cr are 16 ... 240.
    """
    green = 1 - red - blue
    to = np.array(
        [[red, green, blue], [-red / (1 - blue) / 2, -green / (1 - blue) / 2, 0.5], [0.5, -green / (1 - red) / 2, -blue / (1 - red) / 2]]
    )
    if narrow:
        to *= np.array([[219], [224], [224]]) / 255
    back, nearest = np.linalg.inv(to).T, np.rint(colors @ to.T)
    found = np.zeros(len(colors), bool)
    for steps in np.ndindex(3, 3, 3):
        found |= (np.rint((nearest + np.array(steps) - 1) @ back) == colors).all(1)
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
