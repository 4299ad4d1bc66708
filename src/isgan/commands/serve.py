"""`isgan serve`: the page and the HTTP API."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from isgan.errors import IsganError, require

Flag = Annotated[bool, Parameter(negative="")]
VARIABLE = "ISGAN_TOKEN"


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    open: Flag = False,
    token_file: Path | None = None,
    allow_host: tuple[str, ...] = (),
    jobs: int = 2,
    max_megabytes: float = 64,
    max_megapixels: float = 50,
    timeout: float = 600,
) -> None:
    """Hide and reveal in a browser, at an address that this machine alone reaches; Ctrl-C ends it. The same is an HTTP API.

    Nothing is loaded from outside, nothing is written to the disk, and nothing is kept once it was answered.

    Parameters
    ----------
    host
        Address to serve at. Any other than this machine's own needs a token, and the connection is not encrypted.
    port
        Port to serve at; 0 for any that is free.
    open
        Open a browser there.
    token_file
        File with a token, 16 letters and digits or more, that clients have to send; otherwise it is the variable ISGAN_TOKEN.
    allow_host
        A further name under which browsers reach this server; may be given several times.
    jobs
        How many jobs are done at once.
    max_megabytes
        Largest upload, cover and secret together.
    max_megapixels
        Largest picture.
    timeout
        Seconds for one job at most.
    """
    require("web", "fastapi", "uvicorn", "python_multipart")
    from isgan import console
    from isgan.web.limits import Limits
    from isgan.web.server import serve

    if not (1 <= jobs <= 64 and 0 < max_megabytes <= 512 and 0 < max_megapixels <= 100 and 0 < timeout <= 86400):
        raise IsganError("out of bounds: --jobs 1 to 64, --max-megabytes to 512, --max-megapixels to 100, --timeout to 86400")

    def tell(url: str) -> None:
        if not console.quiet:
            print(f"isgan serves {url} - Ctrl-C ends it", flush=True)

    limits = Limits(jobs=jobs, megabytes=max_megabytes, megapixels=max_megapixels, seconds=timeout)
    serve(host, port, _token(token_file), allow_host, limits, tell, open)


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(VARIABLE)
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise IsganError(f"cannot read the token file '{file}': check the path and its permissions") from error
