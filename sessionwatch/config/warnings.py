"""What is allowed and yet probably not meant."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from sessionwatch.config.api import is_loopback
from sessionwatch.config.links import LinkSettings
from sessionwatch.config.secret_file import readable_by_others
from sessionwatch.config.settings import Settings
from sessionwatch.config.target_kinds import PROVIDERS
from sessionwatch.list_file import ListFileError, read_list


def warnings(settings: Settings) -> list[str]:
    """Return one line for each thing that an operator should know about a valid configuration."""
    return [*_enforcement(settings), *_providers(settings), *_trust(settings), *_exposure(settings)]


def list_warnings(settings: Settings) -> Iterator[str]:
    """Yield one line for each thing that is wrong with the files of network lists; the pipeline says so itself."""
    for index, one in enumerate(settings.lists):
        try:
            read_list(one)
        except ListFileError as error:
            yield from (f"lists[{index}].file: {problem}" for problem in error.problems)


def _enforcement(settings: Settings) -> Iterator[str]:
    """Rules that are told to act, and cannot."""
    everywhere = [rule_id for rule_id, rule in settings.rules.items() if rule.mode == "enforce"]
    by_app = {app for rule in settings.rules.values() for app, local in rule.by_app.items() if local.mode == "enforce"}
    acting = [app for app in settings.apps if everywhere or app in by_app]
    targeted = {target.app for target in settings.response.targets}
    for app in acting:
        if app not in targeted:
            yield f'apps.{app}: a rule is set to "enforce" without a target: no session of it can be ended'
    if everywhere and not settings.apps:
        yield f'rules.{everywhere[0]}: set to "enforce", and no app is declared: nothing is ever ended'
    if (acting or everywhere) and settings.response.dry_run:
        yield 'response.dry_run: true, so what the rules in "enforce" decide is shown and never sent'


def _providers(settings: Settings) -> Iterator[str]:
    """Acts that reach other apps than the one that they are for."""
    for index, target in enumerate(settings.response.targets):
        if target.kind in PROVIDERS and settings.apps[target.app].realm is None:
            yield (
                f"response.targets[{index}]: the provider's sessions are those of every app behind it: "
                f"say so by apps.{target.app}.realm"
            )


def _trust(settings: Settings) -> Iterator[str]:
    for name, app in settings.apps.items():
        if not app.signed:
            yield f"apps.{name}: no signing_key_file: whoever can write to the topic can speak for it"


def _exposure(settings: Settings) -> Iterator[str]:
    if not settings.api.loopback:
        yield f"api.listen: {settings.api.listen} can be reached from other machines without TLS: put a proxy before it"
    if not settings.dashboard.loopback:
        yield f"dashboard.listen: {settings.dashboard.listen} can be reached from other machines without TLS"
    yield from _links(settings)
    issuer = urlsplit(settings.ssf.issuer or "https:")
    if issuer.scheme == "http" and not is_loopback(issuer.hostname or ""):
        yield "ssf.issuer: receivers expect https, and their tokens would cross the network in the clear"
    for index, one in enumerate(settings.siem):
        if one.to == "syslog" and one.transport != "tls" and not is_loopback(one.receiver[0]):
            yield f'siem[{index}]: alerts name users and addresses, and cross the network in clear: transport = "tls"'
    files = {
        "kafka.proxy_url_file": settings.kafka.proxy_url_file,
        "kafka.sasl_plain_password_file": settings.kafka.sasl_plain_password_file,
        "kafka.socks5_proxy_file": settings.kafka.socks5_proxy_file,
        "kafka.ssl_password_file": settings.kafka.ssl_password_file,
        "kafka.ssl_keyfile": settings.kafka.ssl_keyfile,
    }
    files |= {f"apps.{name}.signing_key_file": app.signing_key_file for name, app in settings.apps.items()}
    files |= {f"api.tokens[{index}].token_file": token.token_file for index, token in enumerate(settings.api.tokens)}
    files["links.key_file"] = settings.links.key_file
    files["api.token_file"] = settings.api.token_file
    files |= {f"chat[{index}].url_file": chat.url_file for index, chat in enumerate(settings.chat)}
    files["digest.url_file"] = settings.digest.url_file
    for index, target in enumerate(settings.response.targets):
        files[f"response.targets[{index}].secret_file"] = target.secret_file
        files[f"response.targets[{index}].url_file"] = target.url_file
        files[f"response.targets[{index}].client_key_file"] = target.client_key_file
    files |= {f"siem[{index}].client_key_file": one.client_key_file for index, one in enumerate(settings.siem)}
    for index, receiver in enumerate(settings.ssf.receivers):
        files[f"ssf.receivers[{index}].token_file"] = receiver.token_file
        files[f"ssf.receivers[{index}].push_token_file"] = receiver.push_token_file
    for index, transmitter in enumerate(settings.ssf.transmitters):
        files[f"ssf.transmitters[{index}].push_token_file"] = transmitter.push_token_file
        files[f"ssf.transmitters[{index}].poll_token_file"] = transmitter.poll_token_file
    for place, path in files.items():
        if path is not None and readable_by_others(path):
            yield f"{place}: {path} can be read by other users of this machine: chmod 600"


def _links(settings: Settings) -> Iterator[str]:
    """Links by which people act from chat: where they lead, and who may follow them."""
    public = urlsplit(settings.api.public_url or "")
    if not public.hostname:
        if settings.links != LinkSettings():
            yield "links: messages have none without api.public_url"
        return
    if public.scheme == "http" and not is_loopback(public.hostname) and settings.links.acts:
        yield "api.public_url: whoever follows a link signs in over a network in clear: use https"
    if settings.links.without_sign_in:
        yield "links.without_sign_in: whoever can read a message can acknowledge its alert, and nobody else is asked"
