"""Django's own sessions, ended by the management command as the pipeline's target runs it."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sessionwatch_emitter.keys import KeyRing

from ingest.decode import decode_event
from response.outcome import DELIVERED, Outcome
from response.targets.command import CommandTarget
from tests.counterparts import met
from tests.emitters.conftest import SECRET, read
from tests.response.given import Pipeline, alert
from tests.response.targets.asked import asked
from tests.response.targets.postgres_server import UnavailableError, postgres_server
from tests.response.theft import steal

django = pytest.importorskip("django", reason="Django is not installed")

pytestmark = pytest.mark.slow

KEYS = KeyRing("bank", SECRET)
UNKNOWN = Outcome("refused", "the program ended with 65: it cannot be done")
SQLITE = '{"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "bank.sqlite"}'
SETTINGS = """
from pathlib import Path
SECRET_KEY = "of the tests"
USE_TZ = {use_tz}
ROOT_URLCONF = "bank"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "sessionwatch_emitter.django_sessions",
]
MIDDLEWARE = [
    "sessionwatch_emitter.django_sessions.middleware.SessionKeyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
SESSION_ENGINE = "django.contrib.sessions.backends.{engine}"
DATABASES = {{"default": {database}}}
CACHES = {{"default": {{
    "BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": Path(__file__).parent / "cache"
}}}}
SESSIONWATCH_EMITTER = "bank.emitter"
SESSIONWATCH_USER_OF = "bank.user_of"
"""
BANK = """
from django.contrib.auth import get_user_model, login, logout
from django.http import HttpResponse
from django.urls import path
from sessionwatch_emitter import SessionEmitter

emitter = SessionEmitter("bank", secret={secret!r}, bootstrap_servers={broker!r}, topic={topic!r})

def user_of(request):
    return request.user.get_username() if request.user.is_authenticated else None

def enter(request):
    user, _ = get_user_model().objects.get_or_create(username=request.GET["user"])
    login(request, user)
    return HttpResponse("in")

def home(request):
    return HttpResponse(user_of(request) or "nobody")

urlpatterns = [path("enter", enter), path("", home)]
"""
MANAGE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
# One line each: a browser's cookie ("" for a new one) and what it asks for; it answers with cookie and text.
BROWSE = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django; django.setup()
from django.test import Client
shown = []
for cookie, path in json.loads(sys.argv[1]):
    client = Client()
    if cookie:
        client.cookies["sessionid"] = cookie
    text = client.get(path).content.decode()
    shown.append([client.cookies["sessionid"].value if "sessionid" in client.cookies else "", text])
print(json.dumps(shown))
"""


@dataclass(frozen=True)
class Bank:
    """An app of Django's with the map, in a folder of its own."""

    folder: Path
    broker: str
    topic: str

    def run(self, script: str, *arguments: str) -> str:
        command = [sys.executable, str(self.folder / script), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, cwd=self.folder).stdout

    def browse(self, *visits: tuple[str, str]) -> list[tuple[str, str]]:
        return [(cookie, text) for cookie, text in json.loads(self.run("browse.py", json.dumps(visits)))]

    def enter(self, *users: str) -> list[str]:
        """Sign users in, and return their cookies."""
        return [cookie for cookie, _ in self.browse(*(("", f"/enter?user={user}") for user in users))]

    def whose(self, *cookies: str) -> list[str]:
        """Whose each cookie is to the app."""
        return [text for _, text in self.browse(*((cookie, "/") for cookie in cookies))]

    def target(self) -> CommandTarget:
        command = [sys.executable, str(self.folder / "manage.py"), "end_sessions"]
        return CommandTarget("django", "bank", command, scopes=["session", "user"], kinds=KINDS, deadline_s=60)

    def deliver(self, **what: Any) -> Outcome:
        return self.target().deliver(asked(**{"decided": datetime.now(UTC), **what}))


KINDS = ("session.revoked", "session.released")


@pytest.fixture
def start(tmp_path: Path, broker: str) -> Callable[..., Bank]:
    """Makes a bank."""

    def made(engine: str = "db", *, use_tz: bool = True, database: str = SQLITE) -> Bank:
        topic = f"events-{uuid.uuid4()}"
        (tmp_path / "settings.py").write_text(SETTINGS.format(engine=engine, use_tz=use_tz, database=database))
        (tmp_path / "bank.py").write_text(BANK.format(secret=SECRET, broker=broker, topic=topic))
        (tmp_path / "manage.py").write_text(MANAGE)
        (tmp_path / "browse.py").write_text(BROWSE)
        bank = Bank(tmp_path, broker, topic)
        bank.run("manage.py", "migrate", "-v", "0")
        met("Django", django.get_version())
        return bank

    return made


@pytest.mark.parametrize("engine", ["db", "cached_db", "cache"])
def test_a_session_is_ended_and_no_other(start: Callable[..., Bank], engine: str) -> None:
    bank = start(engine)
    stolen, mine = bank.enter("alice", "alice")
    assert bank.whose(stolen, mine) == ["alice", "alice"]
    assert bank.deliver(session_id=KEYS.session_id(stolen)) == DELIVERED
    assert bank.whose(stolen, mine) == ["nobody", "alice"]


def test_a_session_in_postgresql_is_ended_and_a_users_earlier_ones(start: Callable[..., Bank]) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with ExitStack() as running:
        try:
            folder, port = running.enter_context(postgres_server())
        except UnavailableError as reason:
            pytest.skip(f"no PostgreSQL: {reason}")
        engine = "django.db.backends.postgresql"
        bank = start(
            database=repr({"ENGINE": engine, "NAME": "sessions", "USER": "sessions", "HOST": folder, "PORT": port})
        )
        stolen, mine, bobs = bank.enter("alice", "alice", "bob")
        assert bank.deliver(session_id=KEYS.session_id(stolen)) == DELIVERED
        assert bank.whose(stolen, mine, bobs) == ["nobody", "alice", "bob"]
        assert bank.deliver(scope="user") == DELIVERED
        assert bank.whose(mine, bobs) == ["nobody", "bob"]


def test_the_pipeline_hears_that_it_is_gone(start: Callable[..., Bank]) -> None:
    bank = start()
    [stolen] = bank.enter("alice")
    bank.deliver(session_id=KEYS.session_id(stolen))
    [told] = read(bank.broker, bank.topic, 1)
    assert (told.event["type"], told.event["reason"]) == ("destroy", "revoked")
    assert (told.event["session_id"], told.event["user_id"]) == (KEYS.session_id(stolen), "alice")


def test_a_theft_ends_the_session_and_the_app_confirms_it(start: Callable[..., Bank], tmp_path: Path) -> None:
    bank = start()
    stolen, mine = bank.enter("alice", "alice")
    session = KEYS.session_id(stolen)
    (tmp_path / "pipeline").mkdir()
    with Pipeline(tmp_path / "pipeline", targets=[bank.target()]) as one:
        steal(one, alert(session_id=session), session=session)
        one.until(lambda: one.states() == ["delivered"], within_s=60)
        assert bank.whose(stolen, mine) == ["nobody", "alice"]
        [told] = read(bank.broker, bank.topic, 1)
        one.turn([decode_event(told.value)])
        assert one.states() == ["confirmed"]


def test_a_second_delivery_changes_nothing(start: Callable[..., Bank]) -> None:
    bank = start()
    [stolen] = bank.enter("alice")
    assert [bank.deliver(session_id=KEYS.session_id(stolen)) for _ in range(2)] == [DELIVERED, DELIVERED]


@pytest.mark.parametrize("use_tz", [True, False])
def test_of_a_users_sessions_those_end_that_began_before(start: Callable[..., Bank], use_tz: bool) -> None:
    bank = start(use_tz=use_tz)
    first, second, bobs = bank.enter("alice", "alice", "bob")
    decided = datetime.now(UTC)
    [again] = bank.enter("alice")
    assert bank.deliver(scope="user", decided=decided) == DELIVERED
    assert bank.whose(first, second, bobs, again) == ["nobody", "nobody", "bob", "alice"]


def test_a_decision_from_before_ends_no_session_of_today(start: Callable[..., Bank]) -> None:
    bank = start()
    [mine] = bank.enter("alice")
    assert bank.deliver(scope="user", decided=datetime.now(UTC) - timedelta(days=1)) == DELIVERED
    assert bank.whose(mine) == ["alice"]


@pytest.mark.parametrize(
    "what",
    [
        {"session_id": "s_k1_nobodys"},
        {"scope": "user", "user_id": "carol"},
        {"kind": "session.released"},
        {"app": "shop"},
    ],
    ids=["another session", "another user", "a release", "another app"],
)
def test_what_cannot_be_done_is_refused(start: Callable[..., Bank], what: dict[str, Any]) -> None:
    bank = start()
    [mine] = bank.enter("alice")
    assert bank.deliver(**{"session_id": KEYS.session_id(mine), **what}) == UNKNOWN
    assert bank.whose(mine) == ["alice"]


def test_a_map_that_cannot_be_written_fails_no_request(start: Callable[..., Bank]) -> None:
    bank = start()
    bank.run("manage.py", "migrate", "sessionwatch_sessions", "zero", "-v", "0")
    [mine] = bank.enter("alice")
    assert bank.whose(mine) == ["alice"]


def test_the_migration_is_what_the_model_says(start: Callable[..., Bank]) -> None:
    start().run("manage.py", "makemigrations", "sessionwatch_sessions", "--check", "--dry-run")
