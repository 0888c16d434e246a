"""The pipeline itself by HTTP: how it is doing, the rules in force, what it has refused."""

from __future__ import annotations

from tests.api.installation import Ask, Installation, emit_use, send, wait


def test_what_is_shown_is_live(ask: Ask) -> None:
    system = ask("GET", "/v1/system", who="viewer").json()
    assert (system["live"], system["problems"], system["behind_records"]) == (True, [], 0)
    assert system["apps"] == ["bank", "shop"]


def test_it_says_up_to_when_events_are_stored(ask: Ask, installation: Installation) -> None:
    before = ask("GET", "/v1/system").json()["newest_event"]
    emit_use(installation, "s_k1_newest")
    wait(lambda: ask("GET", "/v1/system").json()["newest_event"] > before)
    assert ask("GET", "/v1/system").json()["events_per_s"] > 0


def test_it_counts_what_was_refused_and_what_waits(ask: Ask) -> None:
    system = ask("GET", "/v1/system").json()
    assert system["dead_letters"]["by_reason"]["not_json"] >= 4
    assert "webhook:shop" in [lane["lane"] for lane in system["outbox"]]
    assert system["rows"]["events"] > 3_000


def test_rules_are_shown_as_they_are_in_force(ask: Ask) -> None:
    rules = {rule["rule_id"]: rule for rule in ask("GET", "/v1/rules", who="viewer").json()["items"]}
    assert set(rules) >= {"session-hijack", "session-multi-network", "user-multi-ip", "use-after-destroy"}
    multi = ask("GET", "/v1/rules/user-multi-ip").json()
    assert (multi["mode"], multi["key"]) == ("alert", "user")
    assert multi["parameters"]["window"] == "10m"
    assert multi["runbook"]
    assert multi["description"]


def test_an_unknown_rule_is_404(ask: Ask) -> None:
    assert ask("GET", "/v1/rules/no-such-rule").status_code == 404


def test_what_was_refused_is_listed_without_its_content(ask: Ask) -> None:
    items = ask("GET", "/v1/dead-letters?reason=forged", who="engineer").json()["items"]
    assert [(item["reason"], item["offset"], item["content"]) for item in items] == [("forged", 0, None)]


def test_its_content_is_for_admins(ask: Ask) -> None:
    [item] = ask("GET", "/v1/dead-letters?reason=forged", who="admin").json()["items"]
    assert item["content"] == "not JSON �"


def test_refused_ones_come_in_pages(ask: Ask) -> None:
    seen, cursor = [], ""
    while True:
        page = ask("GET", f"/v1/dead-letters?limit=2{cursor}").json()
        seen += [(item["topic"], item["partition"], item["offset"]) for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(set(seen)) == len(seen) >= 5


def test_a_redrive_sends_the_originals_through_again(ask: Ask, installation: Installation) -> None:
    topic = installation.settings.kafka.events_topic

    def refused() -> int:
        items = ask("GET", "/v1/dead-letters?reason=not_object&limit=200").json()["items"]
        return sum(item["topic"] == topic for item in items)

    send(installation, b"[1]")
    wait(lambda: refused() == 1)
    done = ask(
        "POST", "/v1/dead-letters/redrive", who="engineer", json={"reason": "try", "dead_letter_reason": "not_object"}
    )
    assert done.json() == {"found": 1, "sent": 1, "gone": 0, "empty": 0}
    wait(lambda: refused() == 2)
    reader = installation.running.reader()
    acts = reader.acts(["not_object"])
    reader.close()
    assert [(act.actor, act.act, act.why) for act in acts] == [
        ("engineer-person", "dead letters redriven", "try (1 of 1 sent)")
    ]


def test_what_kafka_has_no_longer_is_counted(ask: Ask) -> None:
    body = {"reason": "try", "dead_letter_reason": "forged"}
    assert ask("POST", "/v1/dead-letters/redrive", json=body).json()["gone"] == 1
