from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.shared_device import SharedDeviceParameters
from schemas.event import Event
from tests.detectors.story import AMSTERDAM_HOSTING, BERLIN, Story, alert, given, login


def shared(*stream: Event, **options: object) -> Story:
    return given(*stream, rules="shared-device", **options)  # type: ignore[arg-type]


def list_of_accounts(users: int = 3, every: float = 60, device: str = "d1", ip: str = AMSTERDAM_HOSTING) -> list[Event]:
    return [login(f"user{number}", number * every, ip, device_id=device) for number in range(users)]


def test_three_users_on_one_hidden_device() -> None:
    shared(*list_of_accounts()).then(alert("shared-device", "medium"))


def test_two_users_share_a_bed_or_a_tablet() -> None:
    shared(*list_of_accounts(2)).silent()


def test_a_kiosk_in_the_open_is_silent() -> None:
    shared(*list_of_accounts(10, ip=BERLIN)).silent()


def test_a_named_kiosk_is_silent() -> None:
    kiosks = RuleSetting(SharedDeviceParameters(kiosks=("d1",)))
    shared(*list_of_accounts(10), settings={"shared-device": kiosks}).silent()


def test_one_user_who_signs_in_again_is_one() -> None:
    shared(*(login("alice", at, AMSTERDAM_HOSTING, session=f"s{at}", device_id="d1") for at in range(10))).silent()


def test_ten_minutes_are_too_long() -> None:
    shared(*list_of_accounts(every=271)).silent()


def test_something_written_in_place_of_a_device_is_none() -> None:
    shared(*list_of_accounts(10, device="-")).silent()
    shared(*list_of_accounts(10, device="Unknown")).silent()


def test_told_out_of_order_it_is_the_same() -> None:
    shared(*reversed(list_of_accounts(4))).then(alert("shared-device", hits=2))


def test_a_late_sign_in_counts_within_its_window() -> None:
    first, *others = list_of_accounts(3, every=200)
    shared(*others, first).then(alert("shared-device"))


def test_a_device_shared_by_a_thousand_names_twenty_of_them() -> None:
    (found,) = shared(*list_of_accounts(1_000, every=0.1)).alerts
    assert len(found.evidence) <= 20


def test_the_number_is_set_by_app() -> None:
    strict = RuleSetting(by_app={"bank": RuleSetting(SharedDeviceParameters(users=2))})
    shared(*list_of_accounts(2), settings={"shared-device": strict}).then(alert("shared-device"))
