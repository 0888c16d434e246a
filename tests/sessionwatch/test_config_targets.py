"""`[[response.targets]]` of every kind: what it takes, what it needs, and what is told of what does not fit."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from sessionwatch.assembly import open_targets
from sessionwatch.config import Settings, load
from sessionwatch.errors import ConfigurationError

IDP = 'url = "https://idp.example/"\n'
CLIENT = 'client_id = "sessionwatch"\nsecret_file = "client.secret"\n'
KINDS = {
    "command": (
        'command = ["/bin/true", "--app", "bank"]\nscopes = ["session", "user"]\ntimeout = "3s"\n'
        'messages = ["session.revoked", "session.released"]\n'
    ),
    "kafka": 'secret_file = "webhook.secret"\n',
    "redis": 'url = "rediss://store.example/0"\n',
    "keycloak": IDP + CLIENT + 'realm = "staff"\nuser_by = "username"\nlock_login = true\n',
    "okta": IDP + 'secret_file = "client.secret"\nuser_by = "login"\nuniversal_logout = true\n',
    "auth0": IDP + CLIENT,
    "entra": CLIENT + 'tenant = "bank.example"\n',
    "global_token_revocation": IDP + 'secret_file = "client.secret"\nsubject_format = "email"\n',
    "rfc7009": IDP + CLIENT + 'command = ["/bin/true"]\n',
}


def target(kind: str, keys: str | None = None) -> str:
    own = KINDS[kind] if keys is None else keys
    return f'[apps.bank]\n[[response.targets]]\nname = "t"\nkind = "{kind}"\napp = "bank"\n{own}'


@pytest.fixture
def read(tmp_path: Path):  # type: ignore[no-untyped-def]
    secrets = {
        "client.secret": "the client's own secret",
        "webhook.secret": "whsec_" + base64.b64encode(b"x" * 32).decode(),
        "two.secret": "one line\nand another",
    }
    for name, content in secrets.items():
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(content)

    def settings(text: str) -> Settings:
        file = tmp_path / "sessionwatch.toml"
        file.write_text(text)
        return load(file, {})

    return settings


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_opened(read, kind: str) -> None:  # type: ignore[no-untyped-def]
    [opened] = open_targets(read(target(kind)))
    try:
        assert (opened.name, opened.app, opened.kind) == ("t", "bank", kind)
    finally:
        opened.close()


def test_a_command_ends_what_its_configuration_says(read) -> None:  # type: ignore[no-untyped-def]
    [opened] = open_targets(read(target("command")))
    assert (opened.scopes, opened.kinds) == ({"session", "user"}, {"session.revoked", "session.released"})


@pytest.mark.parametrize(("said", "scopes"), [("true", {"session", "user", "login"}), ("false", {"session", "user"})])
def test_keycloak_locks_logins_only_where_it_is_told_to(read, said: str, scopes: set[str]) -> None:  # type: ignore[no-untyped-def]
    [opened] = open_targets(read(target("keycloak").replace("lock_login = true", f"lock_login = {said}")))
    assert opened.scopes == scopes
    opened.close()


@pytest.mark.parametrize(
    ("kind", "keys", "line"),
    [
        ("command", "", "expected command, a program's absolute path and its arguments"),
        ("command", 'command = ["true"]', "command: a command begins with the absolute path of a program"),
        (
            "command",
            'command = ["/bin/true"]\nurl = "https://x.example/"',
            'url: a target of kind "command" has no such key',
        ),
        ("kafka", "", "expected secret_file (or the secret in the environment)"),
        (
            "kafka",
            'secret_file = "client.secret"',
            "secret_file: line 1: expected whsec_ and the base64 of 24 to 64 bytes",
        ),
        ("redis", "", "expected url, url_file or url_command"),
        ("redis", 'url = "redis://store.example/0"', "url: redis:// on loopback only: use rediss://"),
        ("keycloak", IDP + CLIENT, "expected realm, the name of Keycloak's realm"),
        (
            "keycloak",
            IDP + CLIENT + 'realm = "r"\nuser_by = "login"',
            'user_by: a target of kind "keycloak" takes id or username or email',
        ),
        ("okta", IDP, "expected secret_file (or the secret in the environment)"),
        ("okta", IDP + 'secret_file = "two.secret"', "secret_file: expected one line of printable ASCII"),
        ("auth0", IDP + 'secret_file = "client.secret"', "expected client_id, the id of the client that signs in"),
        (
            "auth0",
            'url = "http://idp.example/"\n' + CLIENT,
            "url: expected https: only loopback may be reached without TLS",
        ),
        ("entra", CLIENT, "expected tenant, the tenant's id or domain"),
        (
            "entra",
            CLIENT + 'tenant = "t"\nlogin_url = "http://login.example/"',
            "login_url: expected https: only loopback may be reached without TLS",
        ),
        ("global_token_revocation", IDP + CLIENT, "client_id and token_url belong together"),
        (
            "global_token_revocation",
            IDP + 'secret_file = "client.secret"\nsubject_format = "iss_sub"',
            'an issuer is needed for the subject_format "iss_sub", and for no other',
        ),
        ("rfc7009", IDP + CLIENT, "expected command, a program's absolute path and its arguments"),
        ("rfc7009", KINDS["rfc7009"] + 'scopes = ["login"]', "scopes: revoking tokens locks no login"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(read, kind: str, keys: str, line: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigurationError) as refused:
        read(target(kind, keys))
    [told] = refused.value.problems
    assert told.endswith(line)
    assert told.startswith("response.targets[0]")


def test_no_secret_is_shown(read) -> None:  # type: ignore[no-untyped-def]
    settings = read(target("okta"))
    [opened] = open_targets(settings)
    opened.close()
    assert "the client's own secret" not in repr(settings) + repr(opened) + repr(vars(opened))
