"""The contract of a scheme: what `--model` names. Whole numbers of a cover in, whole numbers of a stego image out, and back."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, TypeAlias

from isgan.covers.base import Cover
from isgan.key import Key
from isgan.options import Options
from isgan.secret import Secret

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the work done and all the work there is."""


def silent(done: int, total: int) -> None:
    """No progress is shown."""


class Hidden(NamedTuple):
    """What `hide` made: the stego image, the secret as the receiver will get it, and facts worth printing, by name."""

    stego: Cover
    delivered: Secret
    facts: dict[str, Any]


class Scheme(ABC):
    """A way to hide a secret in a cover. Knows nothing of files and commands.

    Attributes:
        keyed: whether a pass phrase protects what it hides. If not, whoever has isgan reads it.
        resizes: whether the secret takes the cover's size; the caller does that beforehand, see `isgan.picture.fit`.
    """

    keyed: ClassVar[bool]
    resizes: ClassVar[bool]

    @property
    def strengths(self) -> int:
        """How many settings `Options.strength` has besides "auto"; 0 for a scheme without such a dial."""
        return 0

    @abstractmethod
    def hide(self, cover: Cover, secret: Secret, key: Key, options: Options, progress: Progress = silent) -> Hidden:
        """Hides `secret` in `cover`. `IsganError` says what to do where that is not possible."""

    @abstractmethod
    def reveal(self, stego: Cover, key: Key, progress: Progress = silent) -> Secret:
        """The secret of a stego image; `isgan.errors.NothingFound` where this key finds none."""
