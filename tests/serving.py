"""A running `isgan serve` for tests, and pictures as files."""

import io
import re
import signal
import subprocess
import sys
from typing import Any

from PIL import Image

PHRASE = "correct horse battery staple"


def png(picture: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


class Server:
    """`isgan serve` at any free port.

    Attributes:
        line: what it said.
        url: its address, with a slash at the end.
    """

    def __init__(self, *tokens: str, **more: Any):
        command = [sys.executable, "-m", "isgan", "serve", "--port", "0", *tokens]
        # Whoever starts a shell's background job has it ignore Ctrl-C; a terminal does not.
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler), **more)  # fmt: skip
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        found = re.search(r"http://\S+/", self.line)
        self.url = found[0] if found else ""

    def workers(self) -> list[int]:
        """Process numbers of what it started."""
        asked = ["ps", "-o", "pid=,stat=", "--ppid", str(self.process.pid)]
        lines = subprocess.run(asked, capture_output=True, text=True).stdout.splitlines()
        return [int(line.split()[0]) for line in lines if "Z" not in line]

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Ends it: exit code, and what it printed since."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err
