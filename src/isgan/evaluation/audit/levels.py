"""Six attackers, from one who learned nothing to one who has the tool's own files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from isgan.detectors import detectors
from isgan.detectors.network import NetworkDetector
from isgan.evaluation.audit.bench import LEAST_LEAKED, Attack, divide
from isgan.evaluation.audit.photographs import Material
from isgan.evaluation.results import BASIC, LSB_MATCHING, OTHER_COVER
from isgan.evaluation.security import LEAST

LEVELS = {
    "S0": "classic attacks, and what shows a past as JPEG: nothing is learned",
    "S1": "the paper's test: a detector learned on the paper's basic network alone",
    "S2": "a detector learned on the same design with other weights, or another cost",
    "S3": "a detector learned on the model's own files: the figure that counts",
    "S4": "the tool itself as a detector, without the pass phrase",
    "S5": "a detector learned on the model's own files, but on covers of other sources",
}
NULL, POSITIVE = "null test", "positive control"
CURVE = (10, 30, 100, 300, 1000)
"""Leaked pairs of the learning curve, as far as there are so many."""
POOL = 125
"""Pairs that S1 and S2 learn from at most, but for the tested ones: stego images of yet another model take long."""
FAST = {"png": ("spam", "crm"), "jpeg": ("jrm", "dctr")}
"""Detectors that learn, of the fast set; the untrained ones are always in it."""


def chosen(names: Sequence[str], kind: str) -> list[str]:
    """The detectors of "fast", "all" or names, that can look at a kind of covers; untrained ones first. `IsganError` for unknown ones."""
    wanted: list[str] = []
    for name in names or ["fast"]:
        if name == "fast":
            wanted += [name for name in detectors.names() if not learns(name)] + list(FAST[kind])
        elif name == "all":
            wanted += detectors.names()
        else:
            wanted.append(name)
    fitting = [name for name in dict.fromkeys(wanted) if kind in detectors[name].covers]
    return sorted(fitting, key=learns)


def learns(name: str) -> bool:
    """Whether a detector has to be trained."""
    return detectors[name].trained


def is_network(name: str) -> bool:
    return issubclass(detectors[name], NetworkDetector)


def null_material(material: Material) -> Material:
    """Covers against other covers of the same kind, each once."""
    photos = [cover for cover, _ in material.pairs]
    half = len(photos) // 2
    return replace(material, pairs=list(zip(photos[:half], photos[half : 2 * half], strict=True)), sources=material.sources[:half])


def controls(null: bool) -> list[Attack]:
    """Where they fail, nothing else means anything."""
    return [Attack(NULL, OTHER_COVER, OTHER_COVER)] if null else [Attack(POSITIVE, LSB_MATCHING, LSB_MATCHING)]


def tests(level: str, subject: str, material: Material, siblings: Mapping[str, str], teachers: Sequence[str]) -> list[Attack]:
    """What a level tests of a subject.

    Args:
        level: of `LEVELS`; S4 has no tests of this kind.
        siblings: by subject, the method of other weights or another cost.
        teachers: which of `BASIC` and `AGAIN` there are.
    """
    own = Attack(level, subject, subject)
    match level:
        case "S0" | "S3":
            return [own]
        case "S1":
            return [own._replace(trained_on=BASIC, within=POOL)] if BASIC in teachers else []
        case "S2":
            return [own._replace(trained_on=siblings[subject], within=POOL)] if subject in siblings else []
        case "S5":
            count = Counter(material.sources)
            several = [source for source, pairs in count.items() if LEAST <= pairs <= len(material.pairs) - LEAST]
            return [own._replace(source=source) for source in sorted(several)]
    return []


def curve(subject: str, material: Material, splits: int) -> list[Attack]:
    """The learning curve of S3 but for its end, which is all pairs."""
    had = divide(material.sources, Attack("S3", subject, subject), 0, splits)
    return [Attack("S3", subject, subject, leaked) for leaked in CURVE if LEAST_LEAKED <= leaked < len(had.learn) + len(had.check)]


def transfer_controls(teachers: Sequence[str]) -> list[Attack]:
    """What the paper's detector finds of the very network it learned on, and of the same network from another seed."""
    return [Attack("S1", name, BASIC, within=POOL) for name in teachers] if BASIC in teachers else []
