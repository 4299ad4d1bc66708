"""Pictures as tensors and back: nothing is lost, and what is no picture is refused."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from isgan.errors import IsganError
from isgan.tensors import to_array, to_tensor

pictures = st.one_of(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9)),
    arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
)


@given(pictures, st.sampled_from([np.ascontiguousarray, np.asfortranarray, lambda array: array[::-1]]))
def test_there_and_back(picture, turned):
    picture = turned(picture)
    tensor = to_tensor(picture)
    assert tensor.dtype == torch.float32 and tensor.shape == (1, 3 if picture.ndim == 3 else 1, *picture.shape[:2])
    assert np.array_equal(to_array(tensor), picture)
    assert not tensor.numel() or 0 <= tensor.min() <= tensor.max() <= 1


def test_values_are_clipped_and_rounded_never_truncated():
    levels = torch.tensor([-3.0, -0.4, 0.49, 0.51, 254.4, 254.6, 300.0, 1e9])
    assert to_array(levels[None, None, None] / 255).tolist() == [[0, 0, 0, 1, 254, 255, 255, 255]]
    assert to_array(torch.tensor([[[[0.5]]]], dtype=torch.bfloat16).requires_grad_()).tolist() == [[128]]


def test_what_is_no_picture():
    for shape in ((1, 2, 4, 4), (2, 3, 4, 4), (3, 4, 4)):
        with pytest.raises(ValueError, match="expected shape"):
            to_array(torch.zeros(shape))
    with pytest.raises(IsganError, match="not numbers"):
        to_array(torch.tensor([[[[0.5, float("nan")]]]]))
