"""The audit log as a chain that can be checked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import StringConstraints

from schemas.api.shapes import Answer, Reason, Request, example


class AuditRow(Answer):
    """A line of the chain, with everything that its hashes are made of.

    Attributes:
        time_us: the same instant in microseconds since the epoch, as it is hashed.
        actor: a part of the pipeline by its own name, anybody else by a pseudonym.
        actor_name: None = erased, or the actor is no person.
        details: JSON text, as it is hashed.
        user: the pseudonym of whom it is about; empty = of nobody.
        salt: empty = why and details were erased.
        before: the hash of the line before; empty, as the other hashes, for a line that the chain has not taken up.
    """

    kind: Literal["line"] = "line"
    line: int
    time: datetime
    time_us: int
    actor: str
    actor_name: str | None
    act: str
    subject: str
    app: str
    why: str
    details: str
    user: str
    user_name: str | None
    salt: str
    text_hash: str
    before: str
    hash: str


class AuditPage(Answer):
    """Lines, the oldest first."""

    items: list[AuditRow]
    next: str | None = None


class AuditCheckpoint(Answer):
    """What was signed of the chain.

    Attributes:
        of: ``head`` = the newest line then; ``cut`` = the last line that retention has dropped.
        number: of its kind.
        signature: a compact JWS with Ed25519, over all of it and the line's hash; its `kid` is the public key.
    """

    kind: Literal["checkpoint"] = "checkpoint"
    of: Literal["head", "cut"]
    number: int
    line: int
    made: datetime
    made_us: int
    signature: str


class AuditCheckpoints(Answer):
    """Every checkpoint, in the order of the lines."""

    items: list[AuditCheckpoint]


class AuditTrouble(Answer):
    """What is wrong, and with which line."""

    line: int
    what: str


class AuditCheck(Answer):
    """Whether the audit log is as it was written.

    Attributes:
        first: the number of the first line; 0 = there are none.
        head: number and hash of the last line.
        signed: the last line that a checkpoint covers.
        keys: the public keys by which checkpoints were checked.
        unexplained: texts that are gone, and of which only a line behind this part could say that they were erased.
        trouble: the first thing that is wrong.
    """

    whole: bool
    lines: int
    first: int
    head: str
    checkpoints: int
    signed: int
    keys: list[str]
    unexplained: int = 0
    trouble: AuditTrouble | None


class NameErasure(Request):
    """A name that the audit log is to know no more: of an operator, a user, or an address."""

    model_config = example({"name": "carol", "reason": "she has left the company"})

    name: Annotated[str, StringConstraints(min_length=1, max_length=1_024)]
    reason: Reason


class NameErased(Answer):
    """What was erased.

    Attributes:
        pseudonym: under which the chain goes on.
        lines: whose texts mentioned the name, and are erased too.
    """

    pseudonym: str
    lines: list[int]
