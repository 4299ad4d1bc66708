"""Photographs in memory, and the cover-secret pairs made of them."""

import copy
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from isgan.color import luma
from isgan.datasets.base import in_turn, open_sets
from isgan.datasets.photographs import decoded, in_share, square
from isgan.errors import IsganError


class Pair(NamedTuple):
    """Covers (N, 3, H, W) and secrets (N, 1, H, W), float in [0, 1], both on the 8-bit grid."""

    cover: Tensor
    secret: Tensor


class Photographs(NamedTuple):
    """The usable photographs of one split, by set."""

    sets: dict[str, list[Tensor]]
    """Set name (its folder's) -> photographs, each (3, H, W) uint8."""
    skipped: list[tuple[Path, str]]
    """Files that cannot be used, each with the reason."""


def load_photographs(
    roots: Iterable[Path],
    split: str,
    side: int = 0,
    limit: int | None = None,
    share: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> Photographs:
    """Decodes one split of every root into memory (a 256 x 256 photograph takes 0.2 MB).

    Args:
        roots: folders as `open_sets` takes them.
        split: "train", "val" or "test".
        side: centre square, scaled to this side (bilinear, as the paper's 256); 0 keeps photographs as they are.
        limit: at most so many of each set, the first by name.
        share: how much of the split; see `in_share`.
        progress: called after each file with the number done and the number there are.
    """
    files = {name: source.images(split)[:limit] for name, source in open_sets(roots).items()}
    if share < 1:
        files = {name: [path for path in paths if in_share(path, share)] for name, paths in files.items()}
    if empty := [name for name, paths in files.items() if not paths]:
        raise IsganError(
            f"a share of {share:g} leaves no {split} photographs of {', '.join(empty)}: set a larger --photos.share"
        )
    total = sum(map(len, files.values()))
    photographs = Photographs({}, [])
    done = 0
    for name, paths in files.items():
        usable = []
        for path, pixels in decoded(paths):
            if isinstance(pixels, str):
                photographs.skipped.append((path, pixels))
            else:
                usable.append(torch.from_numpy(square(pixels, side) if side else pixels).permute(2, 0, 1).contiguous())
            done += 1
            if progress:
                progress(done, total)
        if not usable:
            raise IsganError(
                f"none of the {len(paths)} {split} files of {name} can be used, first: {photographs.skipped[0][1]}"
            )
        photographs.sets[name] = usable
    return photographs


def gray(photographs: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> its luminance (N, 1, H, W), rounded to 8 bits as a gray file would be."""
    return (luma(photographs) * 255).round() / 255


class TrainingPairs:
    """Random crops of random pairs; batch k is a function of the seed and k alone, so that a run resumes where it was.

    Each epoch shuffles the photographs anew and takes one half as covers, the other as secrets (paper, section 4). With
    `balance`, smaller sets are repeated to the length of the largest, so that every set is seen equally often.

    Args:
        sets: as in `Photographs`.
        crop: side of the square crops.
        batch: pairs in a batch, over all ranks.
        seed: with the number of the batch, decides everything.
        ragged: cut up to three rows and columns off every second batch, so that a network learns sizes off its grid.
        rank, world: which part of each batch this process takes.
    """

    def __init__(self, sets: dict[str, list[Tensor]], crop: int, batch: int, seed: int,
                 balance: bool = True, ragged: bool = True, rank: int = 0, world: int = 1):  # fmt: skip
        self.photographs = [photo for photos in sets.values() for photo in photos]
        ends = np.cumsum([0, *map(len, sets.values())])
        self.ranges = [np.arange(start, end) for start, end in itertools.pairwise(ends)]
        self.per_set = max(map(len, self.ranges)) if balance else None
        self.seed, self.ragged = seed, ragged
        self.rank, self.world = rank, world
        self._sizes = np.array([photo.shape[1:] for photo in self.photographs])
        self._divide(crop, batch)
        self._packed: Tensor | None = None
        self._starts = np.array([])

    def at(self, crop: int, batch: int) -> "TrainingPairs":
        """The same photographs in crops and batches of other sizes."""
        other = copy.copy(self)
        other._divide(crop, batch)
        return other

    def _divide(self, crop: int, batch: int) -> None:
        if (smallest := int(self._sizes.min())) < crop:
            raise IsganError(
                f"a training photograph has {smallest} pixels a side: set --photos.crop {smallest} or less, or --photos.side"
            )
        if batch % self.world:
            raise IsganError(f"--photos.batch {batch} cannot be divided among {self.world} processes")
        self.crop, self.batch = crop, batch
        self._epoch, self._order = -1, np.array([])
        self.steps_per_epoch = len(self._shuffled(0)) // (2 * batch)
        if not self.steps_per_epoch:
            raise IsganError(
                f"{len(self.photographs)} photographs make no batch of {batch} pairs: give more, or a smaller --photos.batch"
            )

    def pack(self, device: torch.device) -> "TrainingPairs":
        """Moves all photographs to a GPU, which then cuts a whole batch of crops at once."""
        ends = np.cumsum(3 * self._sizes.prod(axis=1))
        packed = torch.empty(int(ends[-1]), dtype=torch.uint8, device=device)
        for part, photo in zip(packed.tensor_split(torch.from_numpy(ends[:-1])), self.photographs, strict=True):
            part.copy_(photo.flatten())
        self._packed, self._starts = packed, np.concatenate([[0], ends[:-1]])
        return self

    def __getitem__(self, step: int) -> Pair:
        """This rank's part of batch `step`."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._shuffled(epoch)
        rng = np.random.default_rng((self.seed, 1, step))
        less = rng.integers(0, 4, 2) if self.ragged and step % 2 else (0, 0)
        height, width = (self.crop - int(missing) for missing in less)
        chosen = self._order[2 * self.batch * place :][: 2 * self.batch]
        # Every rank draws all crops and keeps its own, so that the batch does not depend on the number of ranks.
        drawn = rng.random((3, len(chosen)))
        tops, lefts = (drawn[:2] * (self._sizes[chosen] - (height, width) + 1).T).astype(int)
        crops = (self._cut if self._packed is None else self._gather)(
            chosen, tops, lefts, drawn[2] < 0.5, height, width
        )
        share = slice(self.rank * self.batch // self.world, (self.rank + 1) * self.batch // self.world)
        cover, secret = crops.float().div(255).chunk(2)
        return Pair(cover[share], gray(secret[share]))

    def _shuffled(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng((self.seed, 0, epoch))
        order = []
        for indices in self.ranges:
            length = self.per_set or len(indices)
            rounds = [rng.permutation(indices) for _ in range(-(-length // len(indices)))]
            order.append(np.concatenate(rounds)[:length])
        return rng.permutation(np.concatenate(order))

    def _cut(
        self, chosen: np.ndarray, tops: np.ndarray, lefts: np.ndarray, flips: np.ndarray, height: int, width: int
    ) -> Tensor:
        """Crops (n, 3, height, width) uint8, of photographs by number; `flips` says which are mirrored."""
        crops = []
        for index, top, left, flip in zip(chosen, tops, lefts, flips, strict=True):
            cut = self.photographs[index][:, top : top + height, left : left + width]
            crops.append(cut.flip(2) if flip else cut)
        return torch.stack(crops)

    def _gather(
        self, chosen: np.ndarray, tops: np.ndarray, lefts: np.ndarray, flips: np.ndarray, height: int, width: int
    ) -> Tensor:
        """The same, from the packed photographs in one operation."""
        packed = cast(Tensor, self._packed)
        sizes = self._sizes[chosen]
        numbers = np.stack([self._starts[chosen], sizes.prod(axis=1), sizes[:, 1], tops, lefts, flips])
        starts, plane, row, top, left, flip = torch.from_numpy(numbers).to(packed.device)[:, :, None]
        y, x = torch.arange(height, device=packed.device), torch.arange(width, device=packed.device)
        rows = (top + y) * row
        columns = left + torch.where(flip.bool(), x.flip(0), x)
        planes = starts + torch.arange(3, device=packed.device) * plane
        return packed[planes[:, :, None, None] + rows[:, None, :, None] + columns[:, None, None, :]]


def fixed_pairs(photographs: list[Tensor]) -> list[Pair]:
    """The pairs of a set, with secrets scaled to their cover's size if it differs."""
    pairs = []
    for cover, secret in in_turn(photographs, photographs):
        if secret.shape != cover.shape:
            height, width = cover.shape[1:]
            resized = Image.fromarray(secret.permute(1, 2, 0).numpy()).resize((width, height), Image.Resampling.LANCZOS)
            secret = torch.from_numpy(np.array(resized)).permute(2, 0, 1)
        pairs.append(Pair(cover[None].float() / 255, gray(secret[None].float() / 255)))
    return pairs
