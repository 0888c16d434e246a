from __future__ import annotations

import pytest

from detectors.plan import RuleSetting
from detectors.rules.client_oddity import ClientOddityParameters
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from tests.detectors.story import (
    CHROME_WINDOWS,
    CURL,
    FIREFOX,
    SAFARI_IPHONE,
    Story,
    alert,
    given,
    login,
    logout,
    use,
)

HEADLESS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36"
)
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
SAMSUNG_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 "
    "Chrome/121.0.0.0 Safari/537.36"
)
DESKTOP_SITE = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
DAY_S = 24 * 3_600


def oddity(*stream: Event, **options: object) -> Story:
    return given(*stream, rules="client-oddity", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("agent", [CURL, HEADLESS, ROBOT, "python-requests/2.32"])
def test_a_script_signs_in_to_a_browser_app(agent: str) -> None:
    oddity(login("alice", 0, agent=agent)).then(alert("client-oddity", "low", user="alice"))


@pytest.mark.parametrize("agent", [FIREFOX, CHROME_WINDOWS, SAFARI_IPHONE])
def test_browsers_are_silent(agent: str) -> None:
    oddity(login("alice", 0, agent=agent), use("alice", 5, agent=agent)).silent()


def test_a_session_that_goes_on_with_a_script() -> None:
    oddity(login("alice", 0), use("alice", 5, agent=CURL), use("alice", 6, agent=CURL)).then(
        alert("client-oddity", hits=1)
    )


def test_once_a_user_and_day() -> None:
    oddity(*(login("alice", hour * 3_600, agent=CURL, session=f"s{hour}") for hour in range(12))).then(
        alert("client-oddity", hits=12)
    )


def test_no_agent_where_the_users_sessions_have_one() -> None:
    oddity(login("alice", 0), login("alice", 5, agent=None, session="bare")).then(alert("client-oddity", "low"))


def test_an_app_that_passes_no_agents_says_nothing_by_that() -> None:
    oddity(login("alice", 0, agent=None), login("alice", 5, agent=None, session="s2")).silent()


def test_an_app_that_passes_the_agent_at_the_login_only_is_silent() -> None:
    oddity(login("alice", 0), *(use("alice", at, agent=None) for at in range(1, 9))).silent()


def test_an_app_that_always_passes_it_may_say_so() -> None:
    strict = RuleSetting(ClientOddityParameters(expects_agent=True))
    oddity(login("alice", 0, agent=None), settings={"client-oddity": strict}).then(alert("client-oddity", "low"))


def test_an_agent_that_had_to_be_cleaned() -> None:
    oddity(login("alice", 0, input_flags=("user_agent:cleaned",))).then(alert("client-oddity"))
    oddity(login("alice", 0, input_flags=("device_id:cleaned",))).silent()


def test_a_browser_where_it_does_not_exist() -> None:
    oddity(login("alice", 0, agent=SAMSUNG_WINDOWS)).then(alert("client-oddity"))


@pytest.mark.parametrize(
    ("agent", "hints"),
    [
        (CHROME_WINDOWS, {"sec-ch-ua-platform": '"Linux"'}),
        (CHROME_WINDOWS, {"Sec_CH_UA_Mobile": "?1"}),
        (SAFARI_IPHONE, {"sec-ch-ua-platform": '"Windows"'}),
        (FIREFOX, {"sec-ch-ua": '"Chromium";v="126", "Not.A/Brand";v="8"'}),
        (SAFARI_IPHONE, {"sec-ch-ua": '"Chromium";v="126"'}),
        (CHROME_WINDOWS, {"device_class": "mobile"}),
    ],
)
def test_an_agent_that_contradicts_its_hints(agent: str, hints: dict[str, str]) -> None:
    oddity(login("alice", 0, agent=agent, attributes=hints)).then(alert("client-oddity", "low"))


@pytest.mark.parametrize(
    ("agent", "hints"),
    [
        (CHROME_WINDOWS, {"sec-ch-ua-platform": '"Windows"', "sec-ch-ua-mobile": "?0"}),
        (DESKTOP_SITE, {"sec-ch-ua-platform": '"Android"', "sec-ch-ua-mobile": "?0"}),
        (CHROME_WINDOWS, {"sec-ch-ua-platform": '"Plan 9"'}),
        (CHROME_WINDOWS, {"sec-ch-ua-platform": 7, "device_class": None}),
        (SAFARI_IPHONE, {"device_class": "tablet"}),
        (FIREFOX, {"theme": "dark"}),
    ],
)
def test_hints_that_agree_or_say_nothing_are_silent(agent: str, hints: dict[str, object]) -> None:
    oddity(login("alice", 0, agent=agent, attributes=hints)).silent()


def test_an_app_for_programs_expects_them() -> None:
    tokens = Apps({"bank": AppPolicy("bank", kind="token")})
    oddity(login("alice", 0, agent=CURL), apps=tokens).silent()


def test_clients_and_robots_are_allowed_by_app() -> None:
    allowed = RuleSetting(by_app={"bank": RuleSetting(ClientOddityParameters(allowed_clients=("curl", "Googlebot")))})
    oddity(login("alice", 0, agent=CURL), login("bob", 0, agent=ROBOT), settings={"client-oddity": allowed}).silent()


def test_told_out_of_order_it_is_the_same() -> None:
    oddity(use("alice", 6, agent=CURL), use("alice", 5, agent=CURL), login("alice", 0)).then(
        alert("client-oddity", hits=1)
    )


def test_told_late_it_is_seen_all_the_same() -> None:
    oddity(login("alice", 0), use("alice", 600), logout("alice", 700), use("alice", 30, agent=CURL)).then(
        alert("client-oddity", late=True)
    )
