"""OAuth 2.0 Token Revocation (RFC 7009), with tokens that a program beside the app's token store looks up."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Unpack
from urllib.parse import quote_plus, urlencode

import msgspec

from response.http import DEADLINE_S, HttpFailed
from response.outcome import Outcome
from response.program import ProgramFailed, run
from response.targets.answers import NotDone, api_outcome
from response.targets.command import DONE, exit_outcome, named_program
from response.targets.http_target import Connection, HttpTarget
from response.targets.management import CALL_DEADLINE_S, carry_out, checked_url
from response.text import safe
from schemas.revocation import Scope, WebhookBody
from store.rows import OutboxMessage


class _Token(msgspec.Struct):
    """One line of what the look-up prints."""

    token: str
    token_type_hint: str | None = None


class TokenRevocationTarget(HttpTarget):
    """Posts tokens to a revocation endpoint.

    Tokens never travel in events, and a hash cannot be turned back: the look-up is a program that knows the app's own
    store. It reads the body of a webhook as JSON and prints the tokens of that session, or of the user's sessions that
    began before its `timestamp`, as JSON objects, one a line: `token`, and `token_type_hint` where it is known. They
    are held for as long as the try takes, and are written nowhere. Its exit codes are those of a command's target.

    Args:
        name, app: as in the configuration.
        url: the revocation endpoint.
        client_id, secret: by which the tokens' client signs in (HTTP Basic).
        lookup: the program's absolute path and its arguments.
        scopes: what the look-up can find.
        connection: to the receiver.

    Raises:
        TargetRefused: the URL or the program cannot be used.
    """

    kind = "rfc7009"
    deadline_s = CALL_DEADLINE_S
    kinds = frozenset({"session.revoked"})

    def __init__(
        self,
        name: str,
        app: str,
        url: str,
        *,
        client_id: str,
        secret: str,
        lookup: Sequence[str],
        scopes: Iterable[Scope] = ("session",),
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(name, app, **connection)
        self.scopes: frozenset[Scope] = frozenset(scopes)
        self._url = checked_url(name, url)
        # RFC 6749 section 2.3.1: both are encoded as in a form first.
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
        self._authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._lookup = named_program(name, lookup)
        self._lookup_s = min(connection.get("deadline_s", self.deadline_s), DEADLINE_S)

    def deliver(self, message: OutboxMessage) -> Outcome:
        """Look the tokens up and revoke each once."""
        return carry_out(message, self.scopes, self._end)

    def _end(self, body: WebhookBody) -> None:
        tokens = self._tokens(body)
        if not tokens:
            raise NotDone(Outcome("refused", f"the look-up knows no token of the {body.data.scope}"))
        for token in tokens:
            self._revoke(token)

    def _tokens(self, body: WebhookBody) -> list[_Token]:
        try:
            finished = run(self._lookup, body.model_dump(mode="json"), self._lookup_s, wants_output=True)
        except ProgramFailed as error:
            raise NotDone(Outcome("retry", f"look-up: {error}")) from error
        if finished.code != DONE:
            outcome = exit_outcome(finished.code)
            raise NotDone(Outcome(outcome.kind, f"look-up: {outcome.detail}"))
        try:
            return [msgspec.json.decode(line, type=_Token) for line in finished.output.splitlines() if line.strip()]
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Without the error's own words, which quote what they were given.
            raise NotDone(Outcome("retry", "the look-up printed something else than tokens")) from None

    def _revoke(self, token: _Token) -> None:
        fields = {"token": token.token}
        if token.token_type_hint is not None:
            fields["token_type_hint"] = token.token_type_hint
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
            "authorization": self._authorization,
            "user-agent": "sessionwatch",
        }
        try:
            answer = self._client.post(self._url, headers, urlencode(fields).encode())
        except HttpFailed as error:
            raise NotDone(Outcome("retry", safe(str(error)))) from error
        if not 200 <= answer.status < 300:
            # 200 also says that the token was not known: section 2.2.
            raise NotDone(api_outcome(answer, self._clock(), "there is no revocation endpoint at this URL"))
