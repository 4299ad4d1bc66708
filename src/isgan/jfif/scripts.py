"""Whether the scans of a progressive file are those that any picture gets, or were chosen for this one."""

from collections.abc import Sequence
from typing import NamedTuple


class Step(NamedTuple):
    """What a scan says.

    Attributes:
        components: their numbers, from 0 for brightness on.
        band: its first and its last coefficient, in zigzag order.
        bits: the bit above those that it has, or 0, and the lowest that it has.
    """

    components: tuple[int, ...]
    band: tuple[int, int]
    bits: tuple[int, int]


def chosen(script: Sequence[Step]) -> bool:
    """Whether an optimiser seems to have tried scripts on this picture and kept the shortest.

    mozjpeg (`jpeg_search_progression`), like jpgcrush and jpegrescan before it, sends whole DC coefficients, then all of brightness
    before the first of colour, and each component's AC coefficients in one band or two, without some lowest bits, which
    follow one by one. Scripts that are always the same go from coarse to fine over all components: those of libjpeg (`jpegtran
    -progressive`, Pillow, Android), jpegli, and of mozjpeg where it does not search.
    """
    first = [step for step in script if step.band == (0, 0)]
    further = [step for step in script if step.band != (0, 0)]
    numbers = [step.components[0] for step in further]
    bright = numbers.count(0)
    if any(step.bits != (0, 0) for step in first) or any(numbers[:bright]):
        return False
    return all(_in_order([step for step in further if step.components == (number,)]) for number in set(numbers))


def _in_order(steps: Sequence[Step]) -> bool:
    """Whether one component comes in a band or two, all but some lowest bits, and then bit by bit."""
    bands = [step for step in steps if step.bits[0] == 0]
    low = bands[-1].bits[1]
    finer = [Step(steps[0].components, (1, 63), (bit + 1, bit)) for bit in reversed(range(low))]
    return len(bands) <= 2 and all(step.bits == (0, low) for step in bands) and list(steps[len(bands) :]) == finer
