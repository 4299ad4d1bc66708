"""Tiles: they cover a picture once, on the grid, and overlap by what was asked for."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from isgan.schemes.tiles import tiles


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 300), st.integers(1, 300)), st.integers(16, 100), st.integers(1, 16), st.integers(0, 40)
)
def test_tiles_cover_the_picture_once(size, side, multiple, halo):
    counts, picture = np.zeros(size, int), np.arange(size[0] * size[1]).reshape(size)
    for tile in tiles(*size, side, multiple, halo):
        counts[tile.kept] += 1
        assert np.array_equal(picture[tile.seen][tile.inside], picture[tile.kept])
        assert picture[tile.seen].shape == tile.shape
        for seen, kept, length in zip(tile.seen, tile.kept, size, strict=True):
            assert seen.start % multiple == kept.start % multiple == 0
            assert kept.stop - kept.start <= 1.2 * side + multiple
            assert seen.start == 0 or kept.start - seen.start >= halo
            assert seen.stop == length or (seen.stop - kept.stop >= halo and seen.stop % multiple == 0)
    assert (counts == 1).all()
