"""Sessions of a real Keycloak, ended by its admin API."""

from __future__ import annotations

import base64
import json
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from response.outcome import DELIVERED, Outcome
from response.targets.keycloak import KeycloakTarget, UserName
from response.targets.lock_marks import LockMarks
from response.targets.token_revocation import TokenRevocationTarget
from store.rows import OutboxMessage
from tests.counterparts import met
from tests.keycloak.server import Keycloak, UnavailableError
from tests.response.given import SESSION, Pipeline, use
from tests.response.targets.asked import asked
from tests.response.theft import steal

pytestmark = pytest.mark.slow

PASSWORD, SECRET = "alice's own", "the secret of the service account"
REALM = {
    "realm": "bank",
    "enabled": True,
    "clients": [
        {"clientId": "app", "publicClient": True, "directAccessGrantsEnabled": True, "redirectUris": ["*"]},
        {
            "clientId": "sessionwatch",
            "secret": SECRET,
            "serviceAccountsEnabled": True,
            "standardFlowEnabled": False,
            "publicClient": False,
        },
        {"clientId": "powerless", "secret": SECRET, "serviceAccountsEnabled": True, "publicClient": False},
    ],
    "users": [
        *(
            {
                "username": name,
                "email": f"{name}@bank.example",
                "firstName": name,
                "lastName": "Doe",
                "enabled": True,
                "credentials": [{"type": "password", "value": PASSWORD}],
                "realmRoles": ["offline_access"],
            }
            for name in ("alice", "bob")
        ),
        {
            "username": "service-account-sessionwatch",
            "enabled": True,
            "serviceAccountClientId": "sessionwatch",
            "clientRoles": {"realm-management": ["manage-users"]},
        },
    ],
}


@dataclass(frozen=True)
class Login:
    """A session at Keycloak."""

    server: Keycloak
    sid: str
    sub: str
    refresh_token: str

    def alive(self) -> bool:
        """Whether its refresh token is still worth a new one."""
        fields = {"grant_type": "refresh_token", "refresh_token": self.refresh_token, "client_id": "app"}
        try:
            self.server.form("/realms/bank/protocol/openid-connect/token", fields)
        except urllib.error.HTTPError:
            return False
        return True


class Bank:
    """The realm of the bank, made anew for each test."""

    def __init__(self, server: Keycloak) -> None:
        self._server = server
        server.admin("POST", "/realms", REALM)

    def login(self, user: str = "alice", scope: str = "openid") -> Login:
        fields = {"grant_type": "password", "username": user, "password": PASSWORD, "client_id": "app", "scope": scope}
        tokens = self._server.form("/realms/bank/protocol/openid-connect/token", fields)
        middle = tokens["access_token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return Login(self._server, claims["sid"], claims["sub"], tokens["refresh_token"])

    def deliver(
        self,
        message: OutboxMessage,
        *,
        sid: str | None = None,
        user_by: UserName = "id",
        client_id: str = "sessionwatch",
        locks: LockMarks | None = None,
        url: str | None = None,
    ) -> Outcome:
        target = KeycloakTarget(
            "idp", "bank", url or self._server.url, realm="bank", client_id=client_id, secret=SECRET, user_by=user_by,
            find_idp_session=lambda _app, _session: sid, locks=locks, allow_private=True, deadline_s=20,
        )  # fmt: skip
        with closing(target):
            return target.deliver(message)


@pytest.fixture(scope="module")
def keycloak() -> Iterator[Keycloak]:
    """A Keycloak for the tests of this module."""
    server = Keycloak()
    try:
        server.start()
    except UnavailableError as reason:
        pytest.skip(f"no Keycloak: {reason}")
    met("Keycloak", server.version)
    yield server
    server.stop()


@pytest.fixture
def bank(keycloak: Keycloak) -> Iterator[Bank]:
    yield Bank(keycloak)
    keycloak.admin("DELETE", "/realms/bank")


@pytest.fixture
def locks(tmp_path: Path) -> LockMarks:
    return LockMarks(tmp_path / "locks")


def of_user(user: str | None, decided: datetime | None = None, **changes: object) -> OutboxMessage:
    return asked("user", user_id=user, decided=decided or datetime.now(UTC) + timedelta(seconds=2), **changes)  # type: ignore[arg-type]


def test_a_session_is_ended_and_no_other(bank: Bank) -> None:
    stolen, mine = bank.login(), bank.login()
    assert bank.deliver(asked(), sid=stolen.sid) == DELIVERED
    assert (stolen.alive(), mine.alive()) == (False, True)


def test_its_offline_session_ends_too(bank: Bank) -> None:
    stolen, mine = bank.login(scope="openid offline_access"), bank.login(scope="openid offline_access")
    assert bank.deliver(asked(), sid=stolen.sid) == DELIVERED
    assert (stolen.alive(), mine.alive()) == (False, True)


def test_a_second_delivery_changes_nothing(bank: Bank) -> None:
    stolen = bank.login()
    assert [bank.deliver(asked(), sid=stolen.sid) for _ in range(2)] == [DELIVERED, DELIVERED]


def test_a_session_whose_name_the_app_has_not_told_is_refused(bank: Bank) -> None:
    outcome = bank.deliver(asked(), sid=None)
    assert outcome == Outcome("refused", "the session has no idp_session_id: the app has not told it")


def test_a_users_sessions_end_and_nobody_elses(bank: Bank) -> None:
    first, second, bobs = bank.login(), bank.login(scope="openid offline_access"), bank.login("bob")
    assert bank.deliver(of_user(first.sub)) == DELIVERED
    assert [one.alive() for one in (first, second, bobs)] == [False, False, True]


def test_a_session_that_began_after_the_decision_goes_on(bank: Bank) -> None:
    today, kept = bank.login(), bank.login(scope="openid offline_access")
    assert bank.deliver(of_user(today.sub, datetime.now(UTC) - timedelta(hours=1))) == DELIVERED
    assert (today.alive(), kept.alive()) == (True, True)


@pytest.mark.parametrize(("user_by", "name"), [("username", "alice"), ("email", "alice@bank.example")])
def test_a_user_can_be_known_by_another_name(bank: Bank, user_by: UserName, name: str) -> None:
    stolen = bank.login()
    assert bank.deliver(of_user(name), user_by=user_by) == DELIVERED
    assert not stolen.alive()


@pytest.mark.parametrize(
    ("user_by", "name", "why"),
    [
        ("id", "alice", "Keycloak knows no such user"),
        ("id", "..", "the identifier cannot be asked for"),
        ("id", "../../master/users", "Keycloak knows no such user"),
        ("username", "ali", "Keycloak knows no users of this username"),
        ("username", "*", "Keycloak knows no users of this username"),
    ],
)
def test_a_user_that_is_not_there_is_refused(bank: Bank, user_by: UserName, name: str, why: str) -> None:
    stolen = bank.login()
    assert bank.deliver(of_user(name), user_by=user_by) == Outcome("refused", why)
    assert stolen.alive()


def test_a_login_is_locked_and_unlocked_and_keeps_what_it_had(bank: Bank, keycloak: Keycloak, locks: LockMarks) -> None:
    sub = bank.login().sub
    before = keycloak.admin("GET", f"/realms/bank/users/{sub}")
    lock = asked("login", user_id=sub, kind="session.login_locked")
    assert bank.deliver(lock, locks=locks) == DELIVERED
    with pytest.raises(urllib.error.HTTPError):
        bank.login()
    assert bank.deliver(asked("login", user_id=sub, kind="session.released"), locks=locks) == DELIVERED
    bank.login()
    assert keycloak.admin("GET", f"/realms/bank/users/{sub}") == before


def test_a_login_is_not_locked_where_the_configuration_does_not_say_so(bank: Bank) -> None:
    sub = bank.login().sub
    outcome = bank.deliver(asked("login", user_id=sub, kind="session.login_locked"))
    assert outcome == Outcome("refused", "this target cannot be told session.login_locked of a login")
    bank.login()


def test_a_lock_whose_answer_was_lost_is_known_after_a_restart(bank: Bank, locks: LockMarks) -> None:
    sub = bank.login().sub
    lock = asked("login", user_id=sub, kind="session.login_locked")
    # Each delivery is by a target of its own.
    assert [bank.deliver(lock, locks=locks) for _ in range(2)] == [DELIVERED, DELIVERED]


def test_whom_somebody_else_has_disabled_is_left_alone(bank: Bank, keycloak: Keycloak, locks: LockMarks) -> None:
    sub = bank.login().sub
    before = keycloak.admin("GET", f"/realms/bank/users/{sub}")
    assert isinstance(before, dict)
    keycloak.admin("PUT", f"/realms/bank/users/{sub}", {**before, "enabled": False})
    outcome = bank.deliver(asked("login", user_id=sub, kind="session.login_locked"), locks=locks)
    assert outcome == Outcome("refused", "the user is disabled already, by somebody else")
    outcome = bank.deliver(asked("login", user_id=sub, kind="session.released"), locks=locks)
    assert outcome == Outcome("refused", "the user was disabled by somebody else, who alone should enable it")
    assert keycloak.admin("GET", f"/realms/bank/users/{sub}")["enabled"] is False


def test_credentials_without_the_right_are_tried_again_and_told(bank: Bank) -> None:
    stolen = bank.login()
    outcome = bank.deliver(asked(), sid=stolen.sid, client_id="powerless")
    assert outcome == Outcome("retry", "answered 403: see whether the credentials and their rights are still good")
    assert stolen.alive()


def test_credentials_that_are_wrong_are_tried_again_and_told(bank: Bank) -> None:
    outcome = bank.deliver(asked(), sid="any", client_id="nobody")
    assert outcome == Outcome("retry", "the token endpoint answered 401")


def test_a_server_that_is_away_is_a_try_that_failed(bank: Bank) -> None:
    outcome = bank.deliver(asked(), sid="any", url="http://127.0.0.1:1")
    assert outcome.kind == "retry"
    assert outcome.detail.startswith("no token: the connection failed")


def test_a_theft_ends_the_session_at_the_provider(
    bank: Bank, keycloak: Keycloak, pipeline: Callable[..., Pipeline]
) -> None:
    stolen = bank.login()
    one = pipeline(
        targets=[
            KeycloakTarget(
                "idp",
                "bank",
                keycloak.url,
                realm="bank",
                client_id="sessionwatch",
                secret=SECRET,
                find_idp_session=lambda app, session: one.database.reader().idp_session_of(app, session, 0),
                allow_private=True,
            )
        ]
    )
    one.turn([msgspec.structs.replace(use(SESSION), idp_session_id=stolen.sid)])
    steal(one)
    one.until(lambda: [row.state for row in one.reader.revocations_since(0)] == ["delivered"], within_s=20)
    assert not stolen.alive()


def test_a_theft_ends_the_tokens_at_the_providers_own_revocation_endpoint(
    bank: Bank, keycloak: Keycloak, pipeline: Callable[..., Pipeline], tmp_path: Path
) -> None:
    """Keycloak as an authorization server of RFC 7009, beside the app's own store of tokens."""
    stolen, mine = bank.login(), bank.login()
    lookup = tmp_path / "tokens-of"
    token = json.dumps({"token": stolen.refresh_token, "token_type_hint": "refresh_token"})
    lookup.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{token}'\n")
    lookup.chmod(0o700)
    # The app is a public client: it names itself, and has no secret.
    target = TokenRevocationTarget(
        "as", "bank", f"{keycloak.url}/realms/bank/protocol/openid-connect/revoke", client_id="app", secret="",
        lookup=[str(lookup)], allow_private=True,
    )  # fmt: skip
    one = pipeline(targets=[target])
    steal(one)
    one.until(lambda: one.states() == ["delivered"], within_s=20)
    assert (stolen.alive(), mine.alive()) == (False, True)
