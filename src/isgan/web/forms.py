"""What the end points take, as pydantic models: one place for checking and for the documentation of the API.

Options of `hide` are those of `isgan.options.Options`, with its words, so that a new one is here by itself.
"""

import inspect
import re
from dataclasses import fields
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr, WithJsonSchema, create_model

from isgan import models
from isgan.files import Named
from isgan.options import DEFAULT, Options, Risk

MAX_TEXT = 64 * 1024
"""Bytes of a field that is no file."""

File: TypeAlias = Annotated[Any, WithJsonSchema({"type": "string", "format": "binary"})]
Model: TypeAlias = Literal[*models.names()]  # type: ignore[valid-type]  # names alone: a path would tell what files there are
OF_SERVERS = ("engine",)
"""Options that are not for whoever asks."""


class Form(BaseModel):
    """Fields and files of one request."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @classmethod
    def files(cls) -> list[str]:
        """The names of the fields that are files."""
        return [name for name, field in cls.model_fields.items() if any(isinstance(kind, WithJsonSchema) for kind in field.metadata)]

    @classmethod
    def checked(cls, given: dict[str, str | Named]) -> tuple[dict[str, Named], dict[str, Any]]:
        """Files and fields by name, the latter as plain JSON values; `pydantic.ValidationError`. Empty fields are left out."""
        form = cls.model_validate({name: value for name, value in given.items() if len(value) or name in cls.files()})
        plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in form}
        return {name: file for name in cls.files() if isinstance(file := plain.pop(name), Named)}, plain

    @classmethod
    def documented(cls) -> dict[str, Any]:
        """The request body for OpenAPI."""
        return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": cls.model_json_schema()}}}}


def _options() -> dict[str, Any]:
    """Fields for `create_model`: of each option its type, default and what `Options` says of it."""
    text = inspect.getdoc(Options) or ""
    found: dict[str, Any] = {}
    for field in fields(Options):
        said = re.search(rf"^    {field.name}: (.*(?:\n     .*)*)", text, re.MULTILINE)
        description = " ".join(said[1].split()) if said else None
        if field.name not in OF_SERVERS:
            found[field.name] = (field.type, Field(field.default, description=description))
    found["model"] = (Model, Field(DEFAULT, description="A name that models lists."))
    return found


OPTIONS = _options()


class Keyed(Form):
    """Fields of forms that need a pass phrase."""

    pass_phrase: SecretStr | None = Field(None, description="Several words. Sent in the body alone, never in an address; kept nowhere.")
    no_pass: bool = Field(False, description="No pass phrase: anyone with isgan can read the secret.")


class Inspect(Form):
    file: File = Field(description="Any file.")
    frame: int | None = OPTIONS["frame"][1]


class Check(Form):
    file: File = Field(description="A picture that you received.")


class Capacity(Form):
    cover: File = Field(description="The photograph to hide in.")
    model: OPTIONS["model"][0] = OPTIONS["model"][1]  # type: ignore[valid-type]
    scale: float = OPTIONS["scale"][1]
    jpeg_quality: int | None = OPTIONS["jpeg_quality"][1]
    frame: int | None = OPTIONS["frame"][1]
    risk: Risk = Field("medium", description="With high, a cover is measured although every change would show in it.")


Hide = create_model(
    "Hide",
    __base__=Keyed,
    cover=(File, Field(description="The photograph to hide in: PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF or HEIC.")),
    secret=(File, Field(description="A picture, or any other file.")),
    **OPTIONS,
)


class Reveal(Keyed):
    stego: File = Field(description="The stego image, exactly as it was saved.")
    model: OPTIONS["model"][0] = OPTIONS["model"][1]  # type: ignore[valid-type]


Preview = create_model(
    "Preview",
    __base__=Form,
    cover=(File, Field(description="A reduced copy of the cover: `copy` of inspect.")),
    secret=(File, Field(description="A reduced copy of the secret, or the file itself where it is no picture or goes byte for byte.")),
    room=(int, Field(ge=0, le=2**31, description="Bytes that the cover takes at this risk, as capacity says.")),
    most=(int, Field(ge=0, le=2**31, description="And at high risk.")),
    pixels=(int | None, Field(None, ge=1, description="Of the secret itself, where it is a picture.")),
    jpeg=(bool, Field(False, description="The stego image will be a JPEG.")),
    **{name: OPTIONS[name] for name in ("model", "risk", "quality", "exact", "codec", "gray")},
)
