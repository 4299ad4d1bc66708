"""`isgan reveal`: stego image to secret."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from isgan.options import DEFAULT, Options

Flag = Annotated[bool, Parameter(negative="")]


def reveal(
    stego: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    # Not a Path, which would lose the / of a folder.
    output: Annotated[str, Parameter(alias="-o", allow_leading_hyphen=True)],
    pass_file: Path | None = None,
    no_pass: Flag = False,
    model: str = DEFAULT,
    engine: Literal["torch", "openvino"] = "torch",
    jobs: int | None = None,
    results: Path | None = None,
    force: Flag = False,
) -> dict[str, Any] | None:
    """Reveal what is hidden in a stego image, or in a folder of them.

    A wrong pass phrase, a picture without a secret and a changed file give one and the same answer.

    Parameters
    ----------
    stego
        The stego image, as the sender saved it, or a folder of them, of a shared secret all its parts; - reads standard input.
    output
        The secret: a .png file, or a folder (ending in /), made if there is none, in which it gets its own name; - writes to
        standard output.
    pass_file
        File with the pass phrase; otherwise it is the variable ISGAN_PASS, or you are asked.
    no_pass
        It was hidden with --no-pass.
    model
        The model that the sender used.
    engine
        Neural models: what the network runs in. OpenVINO (extra `fast`) takes half a minute to start.
    jobs
        Folders: how many files at a time; by default as many as there are cores.
    results
        Folders: CSV file of what was found, by which a run that was stopped goes on. By default it lies beside the folder of secrets,
        called like it.
    force
        Overwrite existing files; with a folder, begin anew.
    """
    from isgan import pipeline, standard
    from isgan.console import counting
    from isgan.errors import IsganError, SomeFailed
    from isgan.passphrase import pass_phrase

    options = Options(model=model, engine=engine)
    if jobs is not None and jobs < 1:
        raise IsganError(f"--jobs {jobs}: give at least 1")
    if stego.is_dir():
        from isgan.folders import revealing

        plan = revealing.plan_revealing(stego, Path(output), options, results, force)
        phrase = pass_phrase(pass_file, no_pass, twice=False) if plan.todo and pipeline.keyed(model) else None
        with counting("revealing", len(plan.todo)) as progress:
            done = revealing.reveal(plan, phrase, jobs, force, progress)
        if done.failures:
            raise SomeFailed(done.facts, done.failures)
        return done.facts
    if results is not None:
        raise IsganError("--results is for folders: leave it out, or name a folder")
    target = None if output == str(standard.DASH) else output
    pipeline.check_reveal(stego, target, options, force)
    phrase = pass_phrase(pass_file, no_pass, twice=False) if pipeline.keyed(model) else None
    with counting("revealing") as progress:
        found = pipeline.reveal(standard.source(stego), target, phrase, options, force, progress)
    if target is None:
        standard.write(pipeline.file_of(found.secret))
        return None
    return {"secret": str(found.path), **found.facts}
