"""What the bench's parts have in common: the configuration, and the addresses of people, thieves and load."""

from __future__ import annotations

CONFIGURATION = "sessionwatch.toml"
BANK, LOAD = "bank", "load"
"""The app whose sessions are stolen, and the one whose people keep the pipeline busy."""
TOPIC = "session-events"
PARTITIONS = 4

_TEXT = """
[kafka]
bootstrap_servers = ["{servers}"]
events_topic = "{topic}"
[store]
path = "sessionwatch.duckdb"
[api]
listen = "127.0.0.1:0"
[apps.bank]
kind = "cookie"
clock_skew = "0s"
signing_key_file = "bank.signing"
[apps.load]
[[networks]]
cidr = "198.18.0.0/16"
type = "home"
asn = 64496
country = "NL"
[[networks]]
cidr = "198.19.0.0/16"
type = "home"
asn = 64499
country = "CA"
[[networks]]
cidr = "10.0.0.0/8"
type = "home"
asn = 64500
country = "DE"
[rules.session-hijack]
mode = "enforce"
[response]
dry_run = false
# Every session may be stolen here: what is measured is the way, and not the guard.
max_share_per_hour = 1.0
max_per_hour = 100000
[[response.policy]]
match = {{ rule = ["session-hijack"], app = ["bank"] }}
do = ["notify", "revoke_session"]
[[response.policy]]
do = ["notify"]
[[response.targets]]
name = "bank"
kind = "webhook"
app = "bank"
url = "{bank}/session-revocations"
secret_file = "bank.whsec"
allow_private = true
[[chat]]
url_file = "chat.url"
group_within = "0s"
max_per_minute = 600
"""


def configuration(servers: str, bank: str) -> str:
    """Return the text of the configuration file; its paths are relative to the bench's folder.

    Args:
        servers: of the broker.
        bank: the URL of the app.
    """
    return _TEXT.format(servers=servers, topic=TOPIC, bank=bank)


def home(number: int) -> str:
    """Return the address of somebody at home."""
    return f"198.18.{number // 250}.{1 + number % 250}"


def abroad(number: int) -> str:
    """Return the address of a thief."""
    return f"198.19.{number // 250}.{1 + number % 250}"
