"""What the server takes, and for how long: every bound in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one server.

    Attributes:
        jobs: at once.
        waiting: requests that may wait for one of them, or be uploading; another one is told to come again.
        megabytes: of one request, cover and secret together, in units of 2^20 bytes.
        megapixels: of one picture.
        seconds: for one job, its wait included.
        upload_seconds: for the upload of one request.
        keep_seconds: until a result that nobody fetched is gone.
        kept_megabytes: of results that wait to be fetched; the oldest goes first, and the newest stays whatever it has.
    """

    jobs: int = 2
    waiting: int = 8
    megabytes: float = 64
    megapixels: float = 50
    seconds: float = 600
    upload_seconds: float = 120
    keep_seconds: float = 120
    kept_megabytes: float = 256
