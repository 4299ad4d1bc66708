"""`isgan hide`: cover and secret to a stego image."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from isgan.options import DEFAULT, Options

if TYPE_CHECKING:
    from isgan.pipeline import Stego

Flag = Annotated[bool, Parameter(negative="")]
FOLDERS, NEURAL = (Parameter(group=Group(name, sort_key=place)) for place, name in enumerate(("Folders", "Neural models"), 1))
Source = Annotated[Path, Parameter(allow_leading_hyphen=True)]  # - is standard input


def hide(
    cover: Source,
    secret: Source | None = None,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o", allow_leading_hyphen=True)],
    pass_file: Path | None = None,
    no_pass: Flag = False,
    quality: float | None = None,
    exact: Flag = False,
    risk: Literal["low", "medium", "high"] = "medium",
    scale: float = 1.0,
    frame: int | None = None,
    gray: Flag = False,
    model: str = DEFAULT,
    codec: str | None = None,
    jpeg_quality: int | None = None,
    strip_metadata: Flag = False,
    color: Annotated[Flag, NEURAL] = False,
    fit: Annotated[Literal["stretch", "crop", "pad"], NEURAL] = "stretch",
    strength: Annotated[Literal["auto"] | int, NEURAL] = "auto",
    polish: Annotated[int, NEURAL] = 0,
    min_secret_psnr: float = 20.0,
    engine: Annotated[Literal["torch", "openvino"], NEURAL] = "torch",
    pairs: Annotated[str, FOLDERS] = "order",
    split: Annotated[Flag, FOLDERS] = False,
    best_of: Annotated[Path | None, FOLDERS] = None,
    jobs: Annotated[int | None, FOLDERS] = None,
    results: Annotated[Path | None, FOLDERS] = None,
    force: Flag = False,
) -> dict[str, Any] | None:
    """Hide a picture or a file in a photograph; only the pass phrase brings it back.

    The saved file is checked: the secret is revealed from it, and you see what the receiver will get. Take a photograph of your
    own that was never published, and use it once: whoever has the original sees the difference.

    isgan hide COVERS SECRETS -o FOLDER, with folders, hides each of the secrets in a cover of its own, with one pass phrase. Stopped, it
    goes on when it is started again.

    Parameters
    ----------
    cover
        Photograph to hide in, the larger the better, or a folder of them; - reads standard input. With --best-of it is left out.
    secret
        Picture or any other file to hide, or a folder of them; - reads standard input.
    output
        The stego image: .png, or .jpg for a cover that is a JPEG; - writes to standard output. Send it as a file: apps that shrink
        pictures destroy what is hidden.
    pass_file
        File with the pass phrase; otherwise it is the variable ISGAN_PASS, or you are asked.
    no_pass
        No pass phrase: anyone with isgan can read the secret.
    quality
        PSNR in dB that the secret must have; without it, the best up to 40 that --risk allows, and a smaller picture if 30 do not fit.
    exact
        Hide the file itself, byte for byte.
    risk
        How much may be hidden: low, medium, or high, which is all that the cover can carry and easily detected.
    scale
        Reduce the cover by this factor first, such as 0.45: a remedy for covers that once were JPEG, HEIC, AVIF or WebP.
    frame
        Of an animated cover or secret, or one of several pages, which frame to take: 1 is the first.
    gray
        Hide the secret without its colours.
    model
        A name that `isgan models` lists, or a .safetensors file. The receiver needs the same.
    codec
        How a picture is compressed: avif, webp, jpeg2000 or lossless. The receiver need not know.
    jpeg_quality
        Make a JPEG stego image of a cover that never was one; 93 to 97 is advised.
    strip_metadata
        Leave out the EXIF data and comments of a JPEG cover.
    color
        Keep the secret's colours, at half its resolution.
    fit
        How the secret takes the cover's size: stretch it, crop its middle, or pad it with black.
    strength
        With a dial: from 1, faint, up, faithful; auto makes the worse of stego image and secret best.
    polish
        Steps in which the secret is made better for this very pair; 100 are worth 3 dB and more with the paper's network.
    min_secret_psnr
        Save nothing if the secret comes back worse than this, in dB.
    engine
        What the network runs in. OpenVINO (extra `fast`) takes half a minute to start.
    pairs
        Which secret goes into which cover: order, that of their names; name, those that are called alike; or a CSV file with
        a cover, a secret and, if wanted, a stego image's name in each row.
    split
        Share one secret among all covers of a folder, the larger the more. It takes all stego images to reveal it.
    best_of
        A folder of covers: take the one that hides the secret best. `isgan hide SECRET --best-of COVERS -o stego.png`.
    jobs
        How many files at a time; by default as many as there are cores.
    results
        CSV file of what was done, by which a run that was stopped goes on. It says what hides in which file: keep it to
        yourself. By default it lies beside the folder of stego images, called like it.
    force
        Overwrite existing files; with folders, begin anew.
    """
    from isgan import pipeline, standard
    from isgan.console import counting
    from isgan.errors import IsganError
    from isgan.passphrase import pass_phrase

    options = Options(model=model, risk=risk, quality=quality, exact=exact, codec=codec, scale=scale, gray=gray, color=color, fit=fit,
                      strength=strength, polish=polish, min_secret_psnr=min_secret_psnr, engine=engine, jpeg_quality=jpeg_quality,
                      strip_metadata=strip_metadata, frame=frame)  # fmt: skip
    if jobs is not None and jobs < 1:
        raise IsganError(f"--jobs {jobs}: give at least 1")
    if (secret is None) != (best_of is not None):
        raise IsganError("name a cover and a secret, or with --best-of COVERS the secret alone")

    def ask() -> str | None:
        return pass_phrase(pass_file, no_pass, twice=True) if pipeline.keyed(model) else None

    if split and (best_of is not None or pairs != "order"):
        raise IsganError(f"{'--pairs' if best_of is None else '--best-of'} and --split contradict each other: leave out one of them")
    if secret is not None and (split or cover.is_dir()):
        return _folder(cover, secret, output, pairs, split, options, results, jobs, force, ask)
    if results is not None or pairs != "order":
        raise IsganError("--pairs and --results are for folders: leave them out, or name folders")
    target = None if output == standard.DASH else output
    if secret is None and best_of is not None:
        return _best(cover, best_of, target, options, jobs, force, ask)
    assert secret is not None
    if cover == secret == standard.DASH:
        raise IsganError("cover and secret cannot both be standard input: name one of them")
    pipeline.check(cover, secret, target, options, force)
    phrase = ask()
    with counting("hiding and checking") as progress:
        made = pipeline.hide(standard.source(cover), standard.source(secret), target, phrase, options, force, progress)
    return _saved(made, target)


def _saved(made: "Stego", target: Path | None) -> dict[str, Any] | None:
    from isgan import standard

    if target is None:
        standard.write(made.data)
        return None
    return {"stego": str(target), **made.facts}


def _best(secret: Path, covers: Path, target: Path | None, options: Options, jobs: int | None, force: bool,
          ask: Callable[[], str | None]) -> dict[str, Any] | None:  # fmt: skip
    """`hide --best-of`."""
    from isgan import pipeline
    from isgan.console import counting
    from isgan.folders import best

    pipeline.check(secret, secret, target, options, force)
    with counting("looking at covers") as progress:
        ranking = best.ranked(secret, covers, target, options, jobs, progress)
    phrase = ask()
    with counting("hiding and checking") as progress:
        return _saved(best.hide_best(secret, covers, target, phrase, options, ranking, force, progress), target)


def _folder(covers: Path, secrets: Path, output: Path, pairs: str, split: bool, options: Options, results: Path | None, jobs: int | None,
            force: bool, ask: Callable[[], str | None]) -> dict[str, Any]:  # fmt: skip
    """`hide` over folders."""
    from isgan.console import counting
    from isgan.errors import SomeFailed
    from isgan.folders import hiding, shares

    if split:
        with counting("looking at covers") as progress:
            plan = shares.plan_sharing(covers, secrets, output, options, results, force, jobs, progress)
    else:
        plan = hiding.plan_hiding(covers, secrets, output, pairs, options, results, force)
    phrase = ask() if plan.todo else None
    with counting("hiding and checking", len(plan.todo)) as progress:
        done = hiding.hide(plan, phrase, jobs, force, progress)
    if done.failures:
        raise SomeFailed(done.facts, done.failures)
    return done.facts
