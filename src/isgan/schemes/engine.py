"""A hider as a fixed graph: ONNX files for any runtime, and OpenVINO, which runs the graph faster on CPUs, to the same
pictures in float32.

A graph is of one setting of a hider's dial. It takes images whose sides are multiples of `GRID`.
"""

import functools
import logging
import threading
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from isgan.errors import require
from isgan.hiders.base import Dialled, Hider

Half: TypeAlias = Literal["hide", "reveal"]
HALVES: tuple[Half, ...] = ("hide", "reveal")
GRID = 8
LARGEST = 1 << 14  # pixels a side


class _Half(nn.Module):
    """One direction of a hider as a module of its own."""

    def __init__(self, hider: Hider, half: Half):
        super().__init__()
        self.hider = hider
        self.work = hider.hide_in_8_bits if half == "hide" else hider.reveal

    def forward(self, *images: Tensor) -> Tensor:
        return self.work(*images)


def to_onnx(hider: Hider, half: Half) -> bytes:
    """One direction of a hider, as it is set, as an ONNX model: cover, secret -> stego, or stego -> secret.

    Images are (1, 3, H, W) RGB or (1, 1, H, W) gray, float32 in [0, 1], sides multiples of `GRID`; stego is on the
    8-bit grid.

    Raises:
        IsganError: onnx is not installed.
    """
    require("export", "onnx", "onnxscript")
    cover = torch.linspace(0, 1, 3 * 64 * 96).reshape(1, 3, 64, 96)
    color = isinstance(hider, Dialled) and hider.color
    secret = cover.clone() if color else cover[:, :1].clone()  # one tensor twice would become one input
    images = (cover, secret) if half == "hide" else (cover,)
    rows, columns = (GRID * torch.export.Dim(name, min=4, max=LARGEST // GRID) for name in ("rows", "columns"))
    shapes = ({2: rows, 3: columns},) * len(images)
    with torch.no_grad(), _quiet():
        graph = torch.export.export(_Half(hider, half).eval(), images, dynamic_shapes=(shapes,), strict=False)
        program: Any = torch.onnx.export(graph, dynamo=True, verbose=False)
    names = ("cover", "secret") if half == "hide" else ("stego",)
    for value, name in zip(program.model.graph.inputs, names, strict=True):
        value.name = name
    program.model.graph.outputs[0].name = "stego" if half == "hide" else "secret"
    return program.model_proto.SerializeToString()


def compiled(hider: Hider, half: Half) -> Callable[..., Tensor]:
    """One direction of a hider, as it is set, in OpenVINO and float32; images off the `GRID` are left to PyTorch.

    Raises:
        IsganError: openvino, or onnx, is not installed.
    """
    require("fast", "openvino", "onnx", "onnxscript")
    # bfloat16 is faster still, but moves gray levels, and of `qim` loses the secret.
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
    }
    core = _core()
    network = core.compile_model(core.read_model(to_onnx(hider, half)), "CPU", settings)
    plain, turn = _Half(hider, half), threading.Lock()

    def work(*images: Tensor) -> Tensor:
        if any(side % GRID for side in images[0].shape[-2:]):
            return plain(*images)
        with turn:  # one request at a time
            return torch.from_numpy(network([image.numpy() for image in images])[0].copy())

    return work


@functools.cache
def _core() -> Any:
    """One for the whole process: when two go, the signal stack that is left is gone too, and the next Ctrl-C
    crashes."""
    import openvino

    return openvino.Core()


@contextmanager
def _quiet():
    """Without the exporters' remarks on what this project does not use."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(level)
