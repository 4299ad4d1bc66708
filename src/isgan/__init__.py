"""Hide a picture inside a picture so that only the pass phrase brings it back.

    import isgan

    isgan.hide("cover.png", "secret.jpg", "stego.png", pass_phrase="correct horse battery staple")
    isgan.reveal("stego.png", pass_phrase="correct horse battery staple").image.show()

Covers, secrets and stego images are file names, bytes, open binary files, Pillow images or uint8 arrays. Importing isgan costs nothing.
"""

import os
from typing import TYPE_CHECKING, Any

from isgan.errors import IsganError, IsganWarning, NothingFound
from isgan.options import NO_PASS_PHRASE, Engine

if TYPE_CHECKING:
    from isgan.detection import Finding
    from isgan.files import File
    from isgan.folders.hiding import Done
    from isgan.picture import Source
    from isgan.pipeline import Revealed, Stego
    from isgan.schemes.base import Scheme

__version__ = "0.2.0"
__all__ = ["NO_PASS_PHRASE", "IsganError", "IsganWarning", "NothingFound", "capacity", "check", "detect", "hide", "hide_best",
           "hide_folder", "load", "names", "reveal", "reveal_folder"]  # fmt: skip


def hide(cover: "Source", secret: "Source", output: str | os.PathLike | None = None, *, pass_phrase: str | None = None,
         force: bool = False, **options: Any) -> "Stego":  # fmt: skip
    """Hides a picture, or any file, in a photograph; the result has been revealed once to check it.

    Args:
        cover: the photograph; one of your own that was never published; use it once.
        secret: what to hide.
        output: a `.png` or, for JPEG covers, a `.jpg` file to write.
        pass_phrase: what opens it again; `NO_PASS_PHRASE` for none. Not needed for models without a key.
        force: overwrite an existing `output`.
        options: see `isgan.options.Options`: `risk`, `quality`, `exact`, `model` and others.

    Returns:
        The stego image: `data`, its bytes; `picture`, its pixels; `image`, for Pillow; `save`; `delivered`, what the receiver
        gets; `facts`.

    Raises:
        IsganError: with one line that says what to do.
    """
    from isgan import pipeline
    from isgan.options import Options

    chosen = Options(**options)
    pipeline.check(cover, secret, output, chosen, force)
    return pipeline.hide(cover, secret, output, pass_phrase, chosen, force)


def reveal(stego: "Source", output: str | os.PathLike | None = None, *, pass_phrase: str | None = None, force: bool = False,
           **options: Any) -> "Revealed":  # fmt: skip
    """Reveals what is hidden in a stego image.

    Args:
        stego: the stego image, unchanged.
        output: a file, or a folder in which the secret gets its own name.
        pass_phrase: the one that it was hidden with.
        force: overwrite an existing `output`.
        options: `model` and `engine`, if they are not the default.

    Returns:
        What was found: `secret`, with `picture`, `data` and `name`; `image`, for Pillow; `path`, where it was written; `facts`.

    Raises:
        NothingFound: another pass phrase, no secret, or a changed file; nothing tells which.
        IsganError: with one line that says what to do.
    """
    from isgan import pipeline
    from isgan.options import Options

    chosen = Options(**options)
    pipeline.check_reveal(stego, output, chosen, force)
    return pipeline.reveal(stego, output, pass_phrase, chosen, force)


def capacity(cover: "Source", **options: Any) -> dict[str, Any]:
    """How much a cover takes at each risk: bytes, and as how large a photograph in colour at 30, 33.5 and 40 dB."""
    from isgan import pipeline
    from isgan.options import Options

    return pipeline.capacity(cover, Options(**options))


def check(source: "File") -> dict[str, Any]:
    """Whether a picture's file is as it was saved, or was changed on the way, which destroys what is hidden; see `isgan.checking.check`.

    Args:
        source: the file, its bytes, or an open binary file.
    """
    from isgan import checking
    from isgan.files import name_of, read_file

    return checking.check(read_file(source), name_of(source))


def hide_folder(covers: str | os.PathLike, secrets: str | os.PathLike, output: str | os.PathLike, *, pass_phrase: str | None = None,
                pairs: str = "order", split: bool = False, jobs: int | None = None, results: str | os.PathLike | None = None,
                force: bool = False, **options: Any) -> "Done":  # fmt: skip
    """Hides each secret of a folder in a cover of its own, or shares one secret among all covers. Stopped, it goes on when called again.

    Args:
        covers: a folder.
        secrets: a folder, or with `split` a file.
        output: a folder, made if there is none.
        pass_phrase: one for all, see `hide`.
        pairs: which secret goes into which cover: "order", "name", or a CSV file; see `isgan.folders.pairs.pairs`.
        split: share one secret among all covers, in proportion to what they take.
        jobs: processes; by default as many as there are cores and work.
        results: CSV file of what was done, by default beside `output`; it says what hides in which file, so keep it to yourself.
        force: begin anew, and overwrite.
        options: see `isgan.options.Options`.

    Returns:
        What was done: `facts`, `rows` and `failures`, a line for each file that failed.

    Raises:
        IsganError: what concerns the run as a whole.
    """
    from pathlib import Path

    from isgan.folders import hiding, shares
    from isgan.options import Options

    chosen, record = Options(**options), None if results is None else Path(results)
    if split and pairs != "order":
        raise IsganError("pairs and split contradict each other: leave out one of them")
    if split:
        plan = shares.plan_sharing(Path(covers), Path(secrets), Path(output), chosen, record, force, jobs)
    else:
        plan = hiding.plan_hiding(Path(covers), Path(secrets), Path(output), pairs, chosen, record, force)
    return hiding.hide(plan, pass_phrase, jobs, force)


def reveal_folder(stego: str | os.PathLike, output: str | os.PathLike, *, pass_phrase: str | None = None, jobs: int | None = None,
                  results: str | os.PathLike | None = None, force: bool = False, **options: Any) -> "Done":  # fmt: skip
    """Reveals what the stego images of a folder hide, into another one; arguments and result as of `hide_folder`."""
    from pathlib import Path

    from isgan.folders import revealing
    from isgan.options import Options

    plan = revealing.plan_revealing(Path(stego), Path(output), Options(**options), None if results is None else Path(results), force)
    return revealing.reveal(plan, pass_phrase, jobs, force)


def hide_best(secret: str | os.PathLike, covers: str | os.PathLike, output: str | os.PathLike | None = None, *,
              pass_phrase: str | None = None, jobs: int | None = None, force: bool = False, **options: Any) -> "Stego":  # fmt: skip
    """`hide` in the cover of a folder that is best for the secret; `facts` says which one that is, see `isgan.folders.best.ranked`."""
    from pathlib import Path

    from isgan import pipeline
    from isgan.folders import best
    from isgan.options import Options

    chosen = Options(**options)
    pipeline.check(Path(secret), Path(secret), output, chosen, force)
    ranking = best.ranked(Path(secret), Path(covers), output, chosen, jobs)
    return best.hide_best(Path(secret), Path(covers), output, pass_phrase, chosen, ranking, force)


def detect(source: "Source") -> "list[Finding]":
    """What the detectors that come with isgan say of a picture: see `isgan.detection.detect`. Needs the extra `audit`."""
    from isgan import detection

    return detection.detect(source)


def load(model: str | os.PathLike | None = None, engine: Engine = "torch") -> "Scheme":
    """A model, for many pictures: see `isgan.schemes.base.Scheme`."""
    from isgan import models
    from isgan.options import DEFAULT

    return models.load(model or DEFAULT, engine)


def names() -> list[str]:
    """All models that `model=` takes."""
    from isgan import models

    return models.names()
