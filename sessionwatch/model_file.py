"""Trained models as files: a forest in skops' format, and beside it a card that says what it is.

The card names the forest by the hash of its bytes, so that the two are of one training. A forest is read with a fixed
allow-list of types, never with what the file itself asks for, and never with pickle.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detectors.learned.features import FEATURES, schema_hash
from detectors.learned.model import OutlierModel
from detectors.learned.training import Trained
from schemas.instant import to_datetime
from sessionwatch.config.models import CARD
from sessionwatch.errors import SessionwatchError

TRUSTED = ("sklearn.tree._tree.Tree",)
"""All that a forest is made of and that skops does not trust by itself. A tree's numbers are checked when it is laid
out (`Forest.of`), and scikit-learn never walks them."""

MAX_CARD_BYTES = 64 * 1024
MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
"""Ten times what training writes: more is another file, or one that is meant to fill the memory."""


class ModelError(SessionwatchError):
    """A model cannot be read or written: one line that says what to do."""


class Card(BaseModel):
    """What a model says of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    detector: Literal["session-outlier"] = "session-outlier"
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scikit_learn: str
    features: str
    model_id: str
    began: datetime
    ended: datetime
    days: Annotated[int, Field(ge=0)]
    sessions: Annotated[int, Field(ge=1)]
    left_out: Annotated[int, Field(ge=0)]
    held_out: Annotated[int, Field(ge=0)]
    vectors: Annotated[int, Field(ge=1)]
    seed: int
    per_thousand: Annotated[float, Field(gt=0, lt=1000)]
    threshold: Annotated[float, Field(gt=0, lt=1)]
    medians: Annotated[tuple[Annotated[float, Field(allow_inf_nan=False)], ...], Field(max_length=1_000)]

    @property
    def forest_name(self) -> str:
        """The name of the forest's file."""
        return f"{self.detector}-{self.sha256[:12]}.skops"


def save(trained: Trained, folder: Path, *, seed: int, per_thousand: float) -> Card:
    """Write a model and its card; a pipeline takes it at its next start.

    Args:
        trained: what training led to.
        folder: made if it is not there.
        seed, per_thousand: with which it was trained.

    Raises:
        ModelError: the folder cannot be written.
    """
    import sklearn  # type: ignore[import-untyped]
    import skops.io  # type: ignore[import-untyped]

    content = skops.io.dumps(trained.estimator, compression=zipfile.ZIP_DEFLATED)
    card = Card(
        sha256=hashlib.sha256(content).hexdigest(),
        scikit_learn=sklearn.__version__,
        features=schema_hash(),
        model_id=trained.model.model_id,
        began=to_datetime(trained.began_us),
        ended=to_datetime(trained.ended_us),
        days=trained.days,
        sessions=trained.sessions,
        left_out=trained.left_out,
        held_out=trained.held_out,
        vectors=trained.vectors,
        seed=seed,
        per_thousand=per_thousand,
        threshold=trained.threshold,
        medians=tuple(float(value) for value in trained.medians),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / card.forest_name, content)
        # Last: from now on the new one counts.
        _write(folder / CARD, card.model_dump_json(indent=2).encode() + b"\n")
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written: {(error.strerror or str(error)).lower()}") from None
    return card


def load(folder: Path) -> OutlierModel | None:
    """Return the model of a folder; None where there is none.

    Raises:
        ModelError: there is one, and it cannot be used.
    """
    try:
        text = _read(folder / CARD, MAX_CARD_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"{folder / CARD}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    card = _card(folder, text)
    path = folder / card.forest_name
    try:
        content = _read(path, MAX_FILE_BYTES)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}; train again") from None
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise ModelError(f"{path}: is not the file that {CARD} speaks of; train again")
    return _model(path, card, content)


def _model(path: Path, card: Card, content: bytes) -> OutlierModel:
    import numpy as np

    from detectors.learned.forest import Forest, ForestError

    try:
        forest = Forest.of(_unpack(content), len(FEATURES))
    except ForestError as error:
        raise ModelError(f"{path}: {error}; train again") from None
    except Exception as error:  # noqa: BLE001 - whatever a library makes of a foreign file costs this model alone
        raise ModelError(f"{path}: is no forest that can be trusted ({type(error).__name__}); train again") from None
    return OutlierModel(
        forest=forest,
        threshold=card.threshold,
        medians=np.asarray(card.medians, np.float32),
        sessions=card.sessions,
        days=card.days,
    )


def _card(folder: Path, text: bytes) -> Card:
    import sklearn

    path = folder / CARD
    try:
        card = Card.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ModelError(f"{path}: {place}: {first['msg'].lower()}; train again") from None
    if card.scikit_learn != sklearn.__version__:
        raise ModelError(
            f"{path}: trained with scikit-learn {card.scikit_learn}, here is {sklearn.__version__}; train again"
        )
    if card.features != schema_hash() or len(card.medians) != len(FEATURES):
        raise ModelError(f"{path}: its features are those of another version; train again")
    return card


def _unpack(content: bytes) -> Any:
    import skops.io

    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
    if unpacked > MAX_UNPACKED_BYTES:
        raise ValueError("larger than any forest")
    return skops.io.loads(content, trusted=list(TRUSTED))


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise ModelError(f"{path}: larger than {limit // 1024} KiB, which no training writes")
    return content


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
