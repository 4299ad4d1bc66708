"""`isgan models`: what can hide."""

from isgan import models as weights


def models() -> None:
    """List the models: shipped weights with their scores, and methods that need none."""
    from rich.console import Console
    from rich.table import Table

    listing = Table("model", "hider", "parameters", "file", "licence", "fingerprint")
    scores = Table("model", "photographs", "stego dB", "SSIM", "secret dB", "SSIM", title="measured on 8-bit PNG", title_justify="left")
    for name in [*weights.names(), *weights.weightless()]:
        card, path = weights.card(name), weights.find(name)
        size = f"{path.stat().st_size / 1e6:.1f} MB" if path else "none"
        label = f"{name} (default)" if name == weights.DEFAULT else name
        listing.add_row(label, card["hider"], f"{card['parameters']:,}", size, card.get("licence", ""), weights.fingerprint(name))
        for photographs, score in card.get("scores", {}).items():
            scores.add_row(name, photographs, f"{score['stego_psnr']:.2f}", f"{score['stego_ssim']:.4f}",
                           f"{score['secret_psnr']:.2f}", f"{score['secret_ssim']:.4f}")  # fmt: skip
    console = Console()
    console.print(listing)
    if scores.row_count:
        console.print(scores)
