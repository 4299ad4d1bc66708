"""The cosine transform of 8 x 8 blocks, and brightness as JPEG takes it."""

import numpy as np

BASIS = np.sqrt(np.where(np.arange(8) == 0, 1, 2) / 8)[:, None] * np.cos((2 * np.arange(8) + 1) * np.arange(8)[:, None] * np.pi / 16)
"""(8, 8): frequency by place; orthonormal."""


def transform(blocks: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Every 8 x 8 block B of (h, w) becomes down B across^T."""
    height, width = blocks.shape
    rows = blocks.reshape(height, width // 8, 8) @ across.T
    return (down @ rows.reshape(height // 8, 8, width)).reshape(height, width)


def tiled(block: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """An 8 x 8 block, again and again."""
    return np.tile(block, (shape[0] // 8, shape[1] // 8))


def unrounded(plane: np.ndarray, quantiser: np.ndarray) -> np.ndarray:
    """Quantised coefficients (h, w) -> samples around 128, neither rounded nor clipped, (h, w) float64."""
    return transform(plane * tiled(quantiser.astype(np.float64), plane.shape), BASIS.T, BASIS.T) + 128


def decoded(plane: np.ndarray, quantiser: np.ndarray) -> np.ndarray:
    """Quantised coefficients (h, w) -> samples 0 ... 255, whole numbers, (h, w) float64."""
    return np.clip(np.rint(unrounded(plane, quantiser)), 0, 255)


def luma(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) or (H, W) uint8 -> Y in whole numbers, (H, W) int32, rounded as libjpeg does."""
    if pixels.ndim == 2:
        return pixels.astype(np.int32)
    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    return (19595 * red + 38470 * green + 7471 * blue + (1 << 15)) >> 16


def coefficients(samples: np.ndarray, quantiser: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Samples (H, W) 0 ... 255 -> coefficients in steps of the quantiser, before rounding, (h, w) float32.

    Args:
        shape: (h, w), whole blocks; the last row and column are repeated up to there.
    """
    height, width = samples.shape
    whole = np.pad(samples.astype(np.float64), ((0, shape[0] - height), (0, shape[1] - width)), "edge") - 128
    return (transform(whole, BASIS, BASIS) / tiled(quantiser, shape)).astype(np.float32)
