"""A pipeline beside one real Keycloak: two realms, an app whose users sign in there, and two that know nothing of it.

`staff` is where people sign in; it pushes security events. `partner` lets them in by what `staff` says of them: it is
a relying party itself, and a receiver of back-channel logouts.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
from sessionwatch_emitter import SessionEmitter

from schemas.event import Event
from sessionwatch.assembly import Running, build
from sessionwatch.config import load
from store.reader import Reader
from tests.api.sharing import free_port
from tests.keycloak.realms import SECRET, client, make_realm, make_stream, person, service_account
from tests.keycloak.relying_party import CLIENT, RelyingParty, relying_party
from tests.keycloak.server import Keycloak
from tests.response.receivers import SECRET as WEBHOOK_SECRET
from tests.response.receivers import Receiver, answering, says

PUSH_TOKEN = "keycloak-0123456789abcdef"
PEOPLE = ("alice", "bob", "carol", "dave")
BROKER = "partner-broker"
"""As which the realm `partner` is known to `staff`."""

CONFIGURATION = """
[kafka]
bootstrap_servers = ["{servers}"]
events_topic = "{topic}"
dead_letter_topic = "{topic}-dlq"
group = "{topic}"
[api]
listen = "127.0.0.1:{port}"
[apps.bank]
realm = "staff"
[apps.mail]
realm = "staff"
[apps.partner]
realm = "partner"
[response]
dry_run = false
max_share_per_hour = 1.0
[[response.policy]]
match = {{ rule = ["idp-session-revoked"], app = ["mail"] }}
do = ["notify", "revoke_session"]
[[response.targets]]
name = "keycloak"
kind = "keycloak"
app = "bank"
url = "{keycloak}"
realm = "staff"
client_id = "sessionwatch"
secret_file = "client.secret"
allow_private = true
[[response.targets]]
name = "partner"
kind = "backchannel_logout"
app = "partner"
url = "{keycloak}/realms/partner/protocol/openid-connect/logout/backchannel-logout"
audience = "{broker}"
issuer = "{keycloak}/realms/staff"
allow_private = true
[[response.targets]]
name = "mail"
kind = "webhook"
app = "mail"
url = "{mail}"
secret_file = "mail.whsec"
allow_private = true
[[ssf.transmitters]]
name = "keycloak"
issuer = "{keycloak}/realms/staff"
audience = "{audience}"
realm = "staff"
jwks_url = "{keycloak}/realms/staff/protocol/openid-connect/certs"
push_token_file = "push.token"
mode = "enforce"
allow_private = true
"""


@dataclass(frozen=True)
class World:
    """All of it, running."""

    keycloak: Keycloak
    bank: RelyingParty
    mail: Receiver
    running: Running
    reader: Reader
    emitters: dict[str, SessionEmitter]
    admin: httpx.Client

    def used(self, app: str, value: str, user: str, sid: str) -> str:
        """Have a session of an app begin whose provider's name is `sid`; returns its id once it is stored."""
        emitter = self.emitters[app]
        emitter.created(value, user=user, ip="192.0.2.8", idp="keycloak", idp_session_id=sid)
        assert emitter.flush()
        session = emitter.keys.session_id(value)
        self.stored(app, session)
        return session

    def stored(self, app: str, session: str) -> Event:
        """The first event of a session, once it is stored."""
        eventually(lambda: self.reader.last_use(app, session, 0) is not None)
        return self.reader.timeline(app, session, 0, 2**60)[0]

    def revoke(self, app: str, session: str) -> str:
        """A person ends a session; returns the revocation's id."""
        answer = self.admin.post("/v1/revocations", json={"app": app, "subject": session, "reason": "stolen laptop"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["revocation_id"])

    def state(self, revocation_id: str) -> str:
        """How far a revocation is."""
        return str(self.admin.get(f"/v1/revocations/{revocation_id}").json()["state"])


def eventually(true: Callable[[], object], within_s: float = 20.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(0.02)


@contextmanager
def world(keycloak: Keycloak, broker: str, folder: Path) -> Iterator[World]:
    """Runs everything but Keycloak."""
    topic, port = f"keycloak-{secrets.token_hex(4)}", free_port()
    here = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        secret = secrets.token_bytes(32)
        emitters = {
            app: stack.enter_context(SessionEmitter(app, secret=secret, bootstrap_servers=broker, topic=topic))
            for app in ("bank", "mail", "partner")
        }
        bank = stack.enter_context(relying_party(emitters["bank"]))
        bank.issuer = f"{keycloak.url}/realms/staff"
        keys = stack.enter_context(answering(_merged_keys(f"{bank.issuer}/protocol/openid-connect/certs", here)))
        _make_realms(keycloak, bank.url, f"{here}/ssf/events/keycloak", keys.url)
        push = {"method": "urn:ietf:rfc:8935", "endpoint_url": f"{here}/ssf/events/keycloak"}
        stream = make_stream(
            keycloak, "staff", "sessionwatch", {**push, "authorization_header": f"Bearer {PUSH_TOKEN}"}
        )
        mail = stack.enter_context(Receiver())
        for name, text in (("client.secret", SECRET), ("push.token", PUSH_TOKEN), ("mail.whsec", WEBHOOK_SECRET)):
            (folder / name).write_text(text)
        file = folder / "sessionwatch.toml"
        file.write_text(
            CONFIGURATION.format(
                servers=broker, topic=topic, port=port, keycloak=keycloak.url, mail=mail.url, broker=BROKER,
                audience=stream["aud"][0],
            )
        )  # fmt: skip
        running = stack.enter_context(closing(build(load(file, {}))))
        stop = threading.Event()
        loop = threading.Thread(target=running.run, args=(stop,), name="loop")
        loop.start()
        stack.callback(loop.join, 10)
        stack.callback(running.wake)
        stack.callback(stop.set)
        token = (folder / "data" / "admin.token").read_text().strip()
        headers = {"authorization": f"Bearer {token}"}
        admin = stack.enter_context(httpx.Client(base_url=here, headers=headers, timeout=30))
        reader = stack.enter_context(closing(running.reader()))
        yield World(keycloak, bank, mail, running, reader, emitters, admin)


def _make_realms(keycloak: Keycloak, bank: str, events: str, keys: str) -> None:
    """Make `staff` with the bank as its relying party, and `partner` as another."""
    logout = {"backchannel.logout.url": f"{bank}/logout", "backchannel.logout.session.required": "true"}
    receives = {"ssf.enabled": "true", "ssf.validPushUrls": events, "ssf.defaultSubjects": "ALL"}
    make_realm(
        keycloak,
        "staff",
        eventsListeners=["jboss-logging", "ssf-events"],
        attributes={"ssf.transmitterEnabled": "true"},
        clients=[
            client(CLIENT, f"{bank}/callback", attributes=logout),
            client(BROKER, f"{keycloak.url}/realms/partner/broker/staff/endpoint"),
            client("sessionwatch", serviceAccountsEnabled=True, attributes=receives),
        ],
        users=[*map(person, PEOPLE), service_account("sessionwatch", "manage-users")],
    )
    staff = f"{keycloak.url}/realms/staff/protocol/openid-connect"
    provider = {
        "clientId": BROKER, "clientSecret": SECRET, "clientAuthMethod": "client_secret_post",
        "issuer": f"{keycloak.url}/realms/staff", "authorizationUrl": f"{staff}/auth", "tokenUrl": f"{staff}/token",
        "defaultScope": "openid profile email", "syncMode": "IMPORT",
        "validateSignature": "true", "useJwksUrl": "true", "jwksUrl": keys, "backchannelSupported": "true",
    }  # fmt: skip
    make_realm(
        keycloak,
        "partner",
        clients=[client("desk", "http://127.0.0.1/desk")],
        identityProviders=[
            {"alias": "staff", "providerId": "oidc", "enabled": True, "trustEmail": True, "config": provider}
        ],
    )


def _merged_keys(certs: str, here: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Publish the keys of the realm `staff` and those of the pipeline: for `partner` both sign as `staff`."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        both = (httpx.get(address, timeout=20).json()["keys"] for address in (certs, f"{here}/ssf/jwks.json"))
        says({"keys": [key for keys in both for key in keys]})(request)

    return answer
