"""Decibels, SSIM and risk in words that need no explanation. The thresholds are those at which people begin to see something."""

import math

from isgan.options import Risk

STEGO = (
    (50.0, "No eye tells it from the original, not even when you switch between the two."),
    (42.0, "It looks like the original."),
    (36.0, "Side by side, a trained eye may see a difference in smooth parts."),
    (-math.inf, "Differences are visible: take a larger cover, a smaller secret or another model."),
)
SECRET = (
    (39.0, "As good as the original: no difference is visible."),
    (36.0, "Very good: only the finest detail is a little softer."),
    (33.0, "Good: small detail is softer, which shows when you zoom in."),
    (30.0, "Fair: clearly recognisable, with visibly less detail."),
    (-math.inf, "Rough: the main shapes are there, and detail is lost."),
)
SSIM = (
    (0.999, "the structure of the picture is unchanged"),
    (0.98, "the structure of the picture is practically unchanged"),
    (0.9, "some fine structure differs"),
    (-math.inf, "structure differs visibly"),
)
RISK: dict[Risk, str] = {
    "low": "Hard to find.",
    "medium": "A detector finds it more often than by guessing.",
    "high": "Easy to find for somebody with a trained detector, though no eye sees it.",
}


def of_risk(risk: Risk, said: str | None) -> str:
    """A risk, and what was measured of the rate at hand, if anything was."""
    return f"{RISK[risk]} {said[0].upper()}{said[1:]}." if said else RISK[risk]


def of_stego(psnr: float) -> str:
    return "Exactly the original." if psnr == math.inf else _of(STEGO, psnr)


def of_secret(psnr: float) -> str:
    return "Exactly the original, dot by dot." if psnr == math.inf else _of(SECRET, psnr)


def of_ssim(ssim: float) -> str:
    """Empty for pictures that are too small for SSIM."""
    return "" if math.isnan(ssim) else _of(SSIM, ssim)


def _of(steps: tuple[tuple[float, str], ...], value: float) -> str:
    return next(words for least, words in steps if value >= least)
