"""The one error a user is meant to read, and the one warning."""

from importlib.util import find_spec

ALONG = {"audit": ", then pip install --no-deps sealwatch"}  # sealwatch names torchvision, which nothing here uses


class IsganError(Exception):
    """Something the user can mend. The message is one line and says what to do; commands print it and exit with 2."""


class MissingModel(IsganError):
    """There is no such model, or no weights of it: tables leave its rows empty, commands stop."""


class NothingFound(IsganError):
    """The one answer to a wrong pass phrase, a picture without a secret and a changed file: nothing tells which of them it is."""

    def __init__(self) -> None:
        super().__init__("nothing found for this pass phrase: it is another one, there is no secret, or the file was changed; "
                         "type it again, and see with `isgan check` whether the file is as it was saved")  # fmt: skip


class SomeFailed(Exception):
    """Some of many items failed: commands print `result`, then a line for each of `failures`, and exit with 1."""

    def __init__(self, result: object, failures: list[str]):
        super().__init__(f"{len(failures)} failed")
        self.result, self.failures = result, failures


class IsganWarning(UserWarning):
    """Something the user should know but that does not stop the work. The message is one line."""


def require(extra: str, *modules: str) -> None:
    """`IsganError` with the line that installs an extra of isgan, if one of these modules of it is missing; imports none of them."""
    for module in modules:
        if find_spec(module) is None:
            raise IsganError(f"this needs {module}: pip install 'isgan[{extra}]'{ALONG.get(extra, '')}")
