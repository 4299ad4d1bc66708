"""`isgan models`: what can hide."""

from typing import Any


def models() -> list[dict[str, Any]]:
    """List the models, how they hide, and whether a pass phrase protects what they hide.

    Where it says "no key", anyone with isgan can reveal what was hidden. Weights were trained on photographs published for research:
    use them for research.
    """
    from isgan import models as shipped

    rows = []
    for name in shipped.names():
        card, weights = shipped.card(name), shipped.find(name)
        parts = [card[part] for part in ("codec", "coder", "hider") if part in card]
        parts += [f"{kind}: {settings['cost']}, {settings['strategy']}" for kind, settings in card.get("covers", {}).items()]
        row = {
            "model": name,
            "default": name == shipped.DEFAULT,
            "scheme": card["scheme"],
            "parts": "; ".join(parts),
            "protection": "pass phrase" if card.get("keyed") else "no key",
            "weights, MB": round(weights.stat().st_size / 1e6, 1) if weights else None,
            "fingerprint": shipped.fingerprint(name),
        }
        rows.append(row)
    return rows
