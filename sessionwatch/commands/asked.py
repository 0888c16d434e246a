"""What a command is asked, as a model of the API: wrong usage is told as such."""

from __future__ import annotations

from typing import TypeVar

import typer
from pydantic import BaseModel, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)


def asked(model: type[ModelT], **fields: object) -> ModelT:
    """Return a request.

    Args:
        model: of the request.
        fields: as given on the command line.

    Raises:
        typer.BadParameter: one of them is not as the API expects it.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise typer.BadParameter(f"{place}: {first['msg']}" if place else str(first["msg"])) from None
