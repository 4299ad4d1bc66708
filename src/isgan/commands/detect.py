"""`isgan detect`: what the detectors that come with isgan say of files."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

Flag = Annotated[bool, Parameter(negative="")]


def detect(
    *files: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    heat_map: Path | None = None,
    force: Flag = False,
) -> list[dict[str, Any]]:
    """Say what the detectors that come with isgan find in pictures; without files, list all detectors and what they see.

    Attacks without training say whether a score is unusual among photographs. Trained detectors say a probability: of how many files
    with such a score, half of them stego images of the named method, were stego images. That holds for photographs like those they were
    trained on and is no verdict on another file; nothing found is no proof that nothing is hidden. Needs the extra audit.

    Parameters
    ----------
    files
        Pictures, PNG or JPEG; - reads standard input.
    heat_map
        A PNG file to write: the one picture in gray, red where the evidence of something hidden lies, blue where it speaks against it.
    force
        Overwrite an existing heat map.
    """
    from isgan import console, detection, standard
    from isgan.errors import IsganError
    from isgan.files import check_output, name_of, write_file
    from isgan.picture import png_bytes

    if not files:
        return detection.known()
    if heat_map is not None:
        if len(files) > 1:
            raise IsganError("--heat-map is of one picture: name one file")
        check_output(heat_map, force, files)
    rows = []
    with console.counting("detecting", len(files), visible=len(files) > 1) as done:
        for file in files:
            source = standard.source(file)
            named = {"file": name_of(source).strip("'")} if len(files) > 1 else {}
            rows += [named | finding._asdict() for finding in detection.detect(source)]
            done()
    if heat_map is not None:
        write_file(heat_map, png_bytes(detection.evidence(source)), force)
    return rows
