"""`[digest]`: where it goes, and when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessionwatch.config.warnings import warnings
from sessionwatch.digest import digest_hour, open_digest_mail
from tests.sessionwatch.conftest import private_file

if TYPE_CHECKING:
    from tests.sessionwatch.conftest import Problems, Read

# Apprise asks for a module that Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

MAIL = 'url = "mailto://user:hunter2@mail.example/?to=lead@example.com"\n'


def test_there_is_none_unless_it_is_asked_for(read: Read) -> None:
    settings = read()
    assert open_digest_mail(settings) == []
    assert digest_hour(settings, "daily") is None


def test_it_has_its_hours(read: Read) -> None:
    settings = read(f'[digest]\n{MAIL}daily = "08:00 Europe/Berlin"\nweekly = "Mon 09:00"')
    assert len(open_digest_mail(settings)) == 1
    hours = [digest_hour(settings, kind) for kind in ("daily", "weekly")]
    assert [hour and (hour.day, hour.minute) for hour in hours] == [(None, 480), (0, 540)]


@pytest.mark.parametrize("way", ["file", "environment", "command"])
def test_the_address_may_come_from_elsewhere(read: Read, tmp_path: Path, way: str) -> None:
    address = "mailto://user:hunter2@mail.example/?to=lead@example.com"
    file = private_file(tmp_path / "lead.url", address)
    text = {"file": 'url_file = "lead.url"', "environment": "", "command": f'url_command = ["/bin/cat", "{file}"]'}[way]
    environ = {"SESSIONWATCH__DIGEST__URL": address} if way == "environment" else {}
    assert len(open_digest_mail(read(f'[digest]\ndaily = "08:00"\n{text}', environ))) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('daily = "08:00"', "digest: expected either url or url_file"),
        (MAIL, "digest: expected daily, weekly or both"),
        (
            f'{MAIL}daily = "8 o\'clock"',
            'digest.daily: expected an hour such as "08:00 Europe/Berlin" (without a zone: UTC), got "8 o\'clock"',
        ),
        (
            f'{MAIL}weekly = "08:00"',
            'digest.weekly: expected a day and an hour such as "Mon 08:00 Europe/Berlin" (without a zone: UTC), '
            "got '08:00'",
        ),
        (
            'url = "json://127.0.0.1/"\ndaily = "08:00"',
            "digest: json is not among the allowed services (mailto, mailtos)",
        ),
        (f'{MAIL}daily = "08:00"\nlocale = "fr"', "digest.locale: expected one of de, en, got 'fr'"),
    ],
)
def test_what_cannot_be_is_refused(problems: Problems, text: str, line: str) -> None:
    assert problems(f"[digest]\n{text}") == [line]


def test_the_address_shows_nowhere(read: Read) -> None:
    assert "hunter2" not in repr(read(f'[digest]\n{MAIL}daily = "08:00"'))


def test_a_file_that_others_can_read_is_told(read: Read, tmp_path: Path) -> None:
    private_file(tmp_path / "lead.url", "mailto://user:hunter2@mail.example/?to=lead@example.com").chmod(0o640)
    [line] = warnings(read('[digest]\nurl_file = "lead.url"\ndaily = "08:00"'))
    assert line.startswith("digest.url_file: ")
