"""Model files: `NAME.safetensors` holds the tensors and says which hider they belong to; `NAME.toml`, the card, says where
they come from, how well they hide, and the SHA-256 of the first file. Shipped models lie in this folder.

A model is named by its shipped name ("qim"), by the path of its .safetensors file, or, for a method without weights, by
the hider's name ("lsb332"). Nothing is ever unpickled. A file is believed only as far as it can be checked: size, header,
hider and its configuration, names, shapes and types of all tensors, finite values.

Importing this module is cheap; torch comes with `hider`, `save` and names that are not files.
"""

import hashlib
import inspect
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from isgan.errors import IsganError, MissingModel
from isgan.files import replace_file
from isgan.models.card import read_card, to_toml
from isgan.registry import unknown

if TYPE_CHECKING:
    from torch import Tensor

    from isgan.hiders.base import Hider

Model: TypeAlias = str | os.PathLike

DEFAULT = "qim"
FORMAT = "1"
SUFFIX = ".safetensors"
FOLDER = Path(__file__).parent
MAX_BYTES = 64 * 2**20


def names() -> list[str]:
    """Shipped models, from a listing of the folder."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


def weightless() -> list[str]:
    """Hiders that need no weights, and so are models by their own name."""
    from isgan.hiders import hiders

    return [name for name in hiders.names() if not hiders[name].trainable]


def find(model: Model) -> Path | None:
    """The weights file of a model, or None for a method without weights; `MissingModel` if there is no such model."""
    if not isinstance(model, str) or model.endswith(SUFFIX) or os.sep in model or (os.altsep and os.altsep in model):
        path = Path(model)
        if path.suffix != SUFFIX or not path.is_file():
            raise MissingModel(f"there is no weights file '{path}': give a shipped model's name or a {SUFFIX} file's path")
        return path
    if model in names():
        return FOLDER / f"{model}{SUFFIX}"
    if model in weightless():
        return None
    from isgan.hiders import hiders

    if model in hiders.names():
        raise MissingModel(f"no weights shipped for '{model}': train it, then give the path of its {SUFFIX} file")
    raise MissingModel(str(unknown("model", model, sorted([*names(), *weightless()]))))


def card(model: Model) -> dict[str, Any]:
    """What is known about a model: `hider`, `parameters`, `sha256` and whatever its maker wrote, such as [scores.SET].

    A weights file without a card beside it has `hider` alone, a method without weights 0 `parameters`.
    """
    path = find(model)
    if path is None:
        return {"hider": str(model), "parameters": 0}
    if path.parent != FOLDER and not _card_path(path).exists():
        return {"hider": _header(path, _read(path))[0]}
    return read_card(_card_path(path))


def fingerprint(model: Model) -> str:
    """Eight characters that sender and receiver compare: of the file's SHA-256, or of the name's where there is no file."""
    path = find(model)
    return hashlib.sha256(str(model).encode() if path is None else _read(path)).hexdigest()[:8]


def origin(model: Model) -> dict[str, Any]:
    """What the card of weights that come from those of a model says of it: its name, `fingerprint` and card."""
    return {"model": Path(model).name, "fingerprint": fingerprint(model), **card(model)}


def hider(model: Model) -> "Hider":
    """The hider of a model, ready to hide and reveal: evaluation mode, no gradients, float32.

    The file is compared with the SHA-256 in its card. A file that you name by path may come without a card; then nothing
    tells whether it was altered.
    """
    import torch

    path = find(model)
    if path is None:
        from isgan.hiders import hiders

        return hiders[str(model)]().eval()
    data = _read(path)
    facts = card(path)
    if "sha256" in facts and facts["sha256"] != hashlib.sha256(data).hexdigest():
        remedy = "reinstall isgan" if path.parent == FOLDER else "get the model again, with its card"
        raise IsganError(f"'{path}' is not the file its card describes (other sha256): {remedy}")
    built = _build(path, *_header(path, data))
    built.load_state_dict(_tensors(path, data, built.state_dict()))
    return built.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def save(hider: "Hider", path: str | os.PathLike, card: dict[str, Any], half: bool = False) -> None:
    """Writes the weights to `path`, a .safetensors file, and beside it the card, with `hider`, `parameters` and `sha256` added.

    Equal weights make equal files. Existing files are replaced, each as a whole. With `half` floats are rounded to 16 bits, which
    take half the space; what is loaded is float32 all the same.
    """
    import torch
    from safetensors.torch import save as serialize

    from isgan.hiders import hiders

    path = Path(path)
    if path.suffix != SUFFIX:
        raise IsganError(f"'{path}': weights are saved as {SUFFIX}: use '{path.with_suffix(SUFFIX)}'")
    name = hiders.name_of(type(hider))
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in hider.state_dict().items()}
    if half:
        tensors = {key: tensor.half() if tensor.dtype == torch.float32 else tensor for key, tensor in tensors.items()}
    metadata = {"format": FORMAT, "hider": name, "config": json.dumps(hider.config, sort_keys=True)}
    data = _in_order(serialize(tensors, metadata))
    made = {"hider": name, "parameters": sum(parameter.numel() for parameter in hider.parameters())}
    replace_file(path, data)
    replace_file(_card_path(path), to_toml(made | card | {"sha256": hashlib.sha256(data).hexdigest()}).encode())


def add_scores(model: Model, scores: dict[str, dict[str, Any]]) -> None:
    """Puts [scores.SET] tables into the card of a weights file, in place of those it has of the same sets."""
    path = find(model)
    if path is None:
        raise IsganError(f"'{model}' has no weights and so no card")
    facts = read_card(_card_path(path))
    replace_file(_card_path(path), to_toml(facts | {"scores": facts.get("scores", {}) | scores}).encode())


def _card_path(path: Path) -> Path:
    return path.with_suffix(".toml")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise IsganError(f"cannot read '{path}': {error.strerror}; check its permissions") from error
    if len(data) > MAX_BYTES:
        raise IsganError(f"'{path}' has more than {MAX_BYTES >> 20} MiB: it is not a model of isgan")
    return data


def _in_order(data: bytes) -> bytes:
    """The same safetensors file with a sorted header: the library writes metadata in a random order."""
    header, tensors = _split(data)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + tensors


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and tensors of a safetensors file: 8 bytes of length, that much JSON, raw values."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def _header(path: Path, data: bytes) -> tuple[str, dict[str, Any]]:
    """Name and configuration of the hider, as the file has them."""
    try:
        metadata = _split(data)[0]["__metadata__"]
        config = json.loads(metadata["config"])
        complete = metadata.keys() == {"format", "hider", "config"} and isinstance(metadata["hider"], str) and isinstance(config, dict)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        complete = False
    if not complete:
        raise IsganError(f"'{path}' is damaged or was not saved by isgan: give a {SUFFIX} file that `isgan train` wrote")
    if metadata["format"] != FORMAT:
        raise IsganError(f"'{path}' has format {metadata['format']}, which this version does not read: update isgan")
    return metadata["hider"], config


def _build(path: Path, name: str, config: dict[str, Any]) -> "Hider":
    """A hider from a file's claims: arguments of its constructor, of the types it names, within the bounds it checks.

    What a file does not say is the constructor's default, so that files from before an option keep their meaning.
    """
    from isgan.hiders import hiders

    parameters = inspect.signature(hiders[name], eval_str=True).parameters
    for key in sorted(config.keys() - parameters.keys()):
        raise IsganError(f"'{path}': hider '{name}' has no '{key}': get the model again, or update isgan")
    for key, value in config.items():
        wanted = parameters[key].annotation
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise IsganError(f"'{path}': {key} = {value!r} of hider '{name}' is not {wanted.__name__}: get the model again")
    return hiders[name](**config)


def _tensors(path: Path, data: bytes, expected: dict[str, "Tensor"]) -> dict[str, "Tensor"]:
    """The file's tensors, once they are known to be what the hider expects."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load as deserialize

    try:
        tensors = deserialize(data)
    except (SafetensorError, KeyError) as error:
        raise IsganError(f"'{path}' is damaged ({error}): get the model again") from error
    for key in sorted(tensors.keys() ^ expected.keys()):
        raise IsganError(f"'{path}' {'lacks' if key in expected else 'has an unexpected'} tensor '{key}': get the model again")
    floats = (torch.float32, torch.float16, torch.bfloat16)
    for key, tensor in tensors.items():
        allowed = floats if expected[key].is_floating_point() else (expected[key].dtype,)
        if tensor.shape != expected[key].shape or tensor.dtype not in allowed:
            found = f"{tuple(tensor.shape)} {tensor.dtype}, expected {tuple(expected[key].shape)} {expected[key].dtype}"
            raise IsganError(f"'{path}': tensor '{key}' is {found}: get the model again")
        if not tensor.isfinite().all():
            raise IsganError(f"'{path}': tensor '{key}' has values that are not finite: train again, or get the model again")
    return tensors
