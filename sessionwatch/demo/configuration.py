"""The demo's own `sessionwatch.toml`: as an operator would write it, for two apps and the simulated networks."""

from __future__ import annotations

from collections.abc import Mapping

from sessionwatch.demo.networks import NETWORKS
from sessionwatch.demo.thieves import GRACE_S
from sessionwatch.demo.webapp.order import RECEIVER_PATH

SUMMARY = (
    "Settings of its own: three rules enforce, dry_run is off, the guard allows a dozen, clock_skew 0 s, "
    f"use-after-destroy has a grace of {GRACE_S} s. Addresses are simulated by X-Forwarded-For, "
    "which the apps believe from loopback alone."
)
"""How it differs from a new installation."""

_BEGINNING = """\
[kafka]
bootstrap_servers = ["{bootstrap_servers}"]

[store]
path = "sessionwatch.duckdb"

[api]
listen = "127.0.0.1:0"

[rules.session-hijack]
mode = "enforce"

[rules.session-multi-network]
mode = "enforce"

[rules.use-after-destroy]
mode = "enforce"
grace = "{grace_s}s"

[[chat]]
url_file = "chat.url"

[response]
dry_run = false
# Of the dozen sessions of an app an hour may end every one: a share that suits a dozen, not a million.
max_share_per_hour = 1.0

[[response.policy]]
match = {{ rule = ["session-hijack"], severity = ["critical"] }}
do = ["notify", "revoke_session"]

[[response.policy]]
match = {{ rule = ["session-multi-network"], severity = ["high"] }}
do = ["notify", "revoke_session"]

[[response.policy]]
match = {{ rule = ["use-after-destroy"] }}
do = ["notify", "revoke_session"]
"""

_APP = """
[apps.{name}]
kind = "cookie"
idle_timeout = "15m"
absolute_timeout = "12h"
rotates_on_login = true
clock_skew = "0s"
signing_key_file = "{name}.signing"

[[response.targets]]
name = "{name}"
kind = "webhook"
app = "{name}"
url = "{url}{receiver}"
secret_file = "{name}.whsec"
allow_private = true
"""

_CONSOLE = """
[dashboard]
public_url = "{url}"
"""

_NETWORK = """
[[networks]]
cidr = "{cidr}"
type = "{kind}"
asn = {asn}
country = "{country}"
owner = "demo"
"""


def configuration(bootstrap_servers: str, urls: Mapping[str, str], console_url: str | None = None) -> str:
    """Return the text of the file; its paths are relative to the demo's folder.

    Args:
        bootstrap_servers: of the broker.
        urls: of the apps, by name.
        console_url: where the console will be, for the links in chat; None = there is none.
    """
    parts = [_BEGINNING.format(bootstrap_servers=bootstrap_servers, grace_s=GRACE_S)]
    parts += [_APP.format(name=name, url=url, receiver=RECEIVER_PATH) for name, url in urls.items()]
    parts += [_NETWORK.format(**network._asdict()) for network in NETWORKS]
    if console_url is not None:
        parts.append(_CONSOLE.format(url=console_url))
    return "".join(parts)
