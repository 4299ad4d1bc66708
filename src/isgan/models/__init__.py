"""Models: what `--model` names.

A model is a card, `NAME.toml`: its scheme and the scheme's parts, how it was trained, how well it hides. Weights lie
beside it in `NAME.safetensors`, which says which hider they belong to; the card has their SHA-256. Shipped models lie
in this folder; others are named by the path of their .safetensors file, with a card beside it or not. Nothing is ever
unpickled. A file is believed only as far as it can be checked: size, header, hider and its configuration, names, shapes
and types of all tensors, finite values.

Importing this module is cheap; torch comes with `load` of neural models, with `hider` and with `save`.
"""

import hashlib
import inspect
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from isgan.errors import IsganError, MissingModel, require
from isgan.files import write_file
from isgan.models.card import read_card, to_toml
from isgan.options import DEFAULT, Engine
from isgan.registry import unknown

if TYPE_CHECKING:
    from torch import Tensor

    from isgan.hiders.base import Hider
    from isgan.schemes.base import Scheme

Model: TypeAlias = str | os.PathLike

__all__ = ["DEFAULT", "Model", "add_scores", "card", "find", "fingerprint", "hider", "load", "names", "origin", "save"]

FORMAT = "1"
SUFFIX = ".safetensors"
FOLDER = Path(__file__).parent
MAX_BYTES = 64 * 2**20


def names() -> list[str]:
    """Shipped models, from a listing of the folder."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find(model: Model) -> Path | None:
    """The weights file of a model, or None for one without weights; `MissingModel` if there is no such model."""
    path = _path(model)
    return path if path.exists() else None


def card(model: Model) -> dict[str, Any]:
    """What is known about a model: `scheme` and its parts, and whatever its maker wrote, such as [[runs]] and
    [scores.SET].

    A weights file without a card beside it has `scheme` and `hider` alone.
    """
    path = _path(model)
    if path.parent != FOLDER and not _card_path(path).exists():
        return {"scheme": "neural", "hider": _header(path, _read(path))[0]}
    return read_card(_card_path(path))


def fingerprint(model: Model) -> str:
    """Eight characters that sender and receiver compare: of the weights' SHA-256, or, where there are none, of that of
    the scheme and its parts."""
    path = _path(model)
    if path.exists():
        return hashlib.sha256(_read(path)).hexdigest()[:8]
    parts = {key: value for key, value in card(model).items() if key not in ("licence", "note", "scores")}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:8]


def origin(model: Model) -> list[dict[str, Any]]:
    """The first runs on the card of weights that come from those of a model: all of its own, the last one with its name
    and `fingerprint`."""
    facts = card(model)
    *earlier, last = facts.get("runs", []) or [{}]
    known = {key: facts[key] for key in ("hider", "parameters", "licence", "note", "sha256") if key in facts}
    return [*earlier, {"model": Path(model).name, "fingerprint": fingerprint(model)} | known | last]


def load(model: Model, engine: Engine = "torch") -> "Scheme":
    """A model, ready to hide and reveal.

    Args:
        model: a name of `names()`, or the path of a .safetensors file.
        engine: what a network runs in.
    """
    facts = card(model)
    if facts["scheme"] == "neural":
        require("neural", "torch", "safetensors")
        from isgan.schemes.neural import Neural

        return Neural(hider(model), engine=engine)
    from isgan.schemes.embedding import Embedding

    return Embedding(**{key: facts[key] for key in inspect.signature(Embedding).parameters if key in facts})


def hider(model: Model) -> "Hider":
    """The network of a neural model, ready to hide and reveal: evaluation mode, no gradients, float32.

    The weights are compared with the SHA-256 in the card. A file that you name by path may come without a card; then
    nothing tells whether it was altered.
    """
    require("neural", "torch", "safetensors")
    import torch

    from isgan.hiders import hiders

    path, facts = _path(model), card(model)
    if facts["scheme"] != "neural":
        raise IsganError(f"'{model}' is no neural model: name one that `isgan models` lists with a network")
    remedy = "reinstall isgan" if path.parent == FOLDER else "get the model again, with its card"
    if "sha256" not in facts and not path.exists():
        return hiders[facts["hider"]]().eval()
    data = _read(path)
    if "sha256" in facts and facts["sha256"] != hashlib.sha256(data).hexdigest():
        raise IsganError(f"'{path}' is not the file its card describes (other sha256): {remedy}")
    name, config = _header(path, data)
    if name != facts.get("hider", name):
        raise IsganError(f"'{path}' holds '{name}', its card describes '{facts['hider']}': {remedy}")
    built = _build(path, name, config)
    built.load_state_dict(_tensors(path, data, built.state_dict()))
    return built.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def save(hider: "Hider", path: str | os.PathLike, card: dict[str, Any], half: bool = False) -> None:
    """Writes the weights to `path`, a .safetensors file, and beside it the card, with `scheme`, `hider`, `keyed`,
    `parameters` and `sha256` added.

    Equal weights make equal files. Existing files are replaced, each as a whole. With `half` floats are rounded to 16
    bits, which take half the space; what is loaded is float32 all the same.
    """
    import torch
    from safetensors.torch import save as serialize

    from isgan.hiders import hiders
    from isgan.hiders.base import Dialled

    path = Path(path)
    if path.suffix != SUFFIX:
        raise IsganError(f"'{path}': weights are saved as {SUFFIX}: use '{path.with_suffix(SUFFIX)}'")
    name = hiders.name_of(type(hider))
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in hider.state_dict().items()}
    if half:
        tensors = {key: tensor.half() if tensor.dtype == torch.float32 else tensor for key, tensor in tensors.items()}
    metadata = {"format": FORMAT, "hider": name, "config": json.dumps(hider.config, sort_keys=True)}
    data = _in_order(serialize(tensors, metadata))
    made = {
        "scheme": "neural",
        "hider": name,
        "keyed": isinstance(hider, Dialled),
        "parameters": sum(parameter.numel() for parameter in hider.parameters()),
    }
    write_file(path, data, force=True)
    write_file(
        _card_path(path), to_toml(made | card | {"sha256": hashlib.sha256(data).hexdigest()}).encode(), force=True
    )


def add_scores(model: Model, scores: dict[str, dict[str, Any]]) -> None:
    """Puts [scores.SET] tables into a model's card, in place of those it has of the same sets."""
    path = _card_path(_path(model))
    facts = read_card(path)
    write_file(path, to_toml(facts | {"scores": facts.get("scores", {}) | scores}).encode(), force=True)


def _path(model: Model) -> Path:
    """Where a model's weights are, or would be if it had any; its card lies beside them."""
    if not isinstance(model, str) or model.endswith(SUFFIX) or os.sep in model or (os.altsep and os.altsep in model):
        path = Path(model)
        if path.suffix != SUFFIX or not path.is_file():
            raise MissingModel(
                f"there is no weights file '{path}': give a shipped model's name or a {SUFFIX} file's path"
            )
        return path
    if model not in names():
        raise MissingModel(str(unknown("model", model, names())))
    return FOLDER / f"{model}{SUFFIX}"


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
        complete = (
            metadata.keys() == {"format", "hider", "config"}
            and isinstance(metadata["hider"], str)
            and isinstance(config, dict)
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        complete = False
    if not complete:
        raise IsganError(
            f"'{path}' is damaged or was not saved by isgan: give a {SUFFIX} file that `isgan train` wrote"
        )
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
            raise IsganError(
                f"'{path}': {key} = {value!r} of hider '{name}' is not {wanted.__name__}: get the model again"
            )
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
        raise IsganError(
            f"'{path}' {'lacks' if key in expected else 'has an unexpected'} tensor '{key}': get the model again"
        )
    floats = (torch.float32, torch.float16, torch.bfloat16)
    for key, tensor in tensors.items():
        allowed = floats if expected[key].is_floating_point() else (expected[key].dtype,)
        if tensor.shape != expected[key].shape or tensor.dtype not in allowed:
            found = f"{tuple(tensor.shape)} {tensor.dtype}, expected {tuple(expected[key].shape)} {expected[key].dtype}"
            raise IsganError(f"'{path}': tensor '{key}' is {found}: get the model again")
        if not tensor.isfinite().all():
            raise IsganError(
                f"'{path}': tensor '{key}' has values that are not finite: train again, or get the model again"
            )
    return tensors
