"""The contracts as documents, generated from the models: JSON Schema (draft 2020-12) and AsyncAPI 3.0.

``python -m schemas.documents`` writes them beside this file; a test holds the committed ones to the models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from schemas.alert import AlertView
from schemas.event import SessionEvent
from schemas.limits import MAX_EVENT_BYTES
from schemas.refusal import Reason
from schemas.revocation import RevocationView, UserNoticeBody, WebhookBody

CONTRACT_VERSION = "1.0.0"
MODELS: Mapping[str, type[BaseModel]] = {
    "event": SessionEvent,
    "alert": AlertView,
    "revocation": RevocationView,
    "webhook": WebhookBody,
    "user-notice": UserNoticeBody,
}
_EVENT_KEY = "user_id, else session_id, else the ip: a hint for locality, nothing more."
_DEAD_LETTER_KEY = "topic-partition-offset of the refused record: the same on every delivery."
_REVOCATION_KEY = "app, scope and subject, separated by colons: compaction keeps the newest word about each."
_WEBHOOK_HEADERS = {
    "webhook-id": "The same on every delivery of the message.",
    "webhook-timestamp": "Of this delivery, seconds since the epoch.",
    "webhook-signature": "v1,<base64 of HMAC-SHA256> as Standard Webhooks has it; several while a secret is replaced.",
}
_SIGNATURE = (
    "v1,<key id>,<base64 of HMAC-SHA256 over app, record key and value, each after its length as four bytes, "
    "big-endian>. Required of an app that declares a signing key."
)

Node = dict[str, Any]


def _given(field: str) -> Node:
    return {"required": [field], "properties": {field: {"type": "string"}}}


def _of_type(*types: str) -> Node:
    return {"required": ["type"], "properties": {"type": {"enum": list(types)}}}


_LOGOUT_ALL = {"properties": {"reason": {"const": "logout_all"}}, "required": ["reason"]}
_NEEDS_SESSION = [
    {"if": _of_type("create", "validate"), "then": _given("session_id")},
    {
        "if": _of_type("destroy"),
        "then": {"anyOf": [_given("session_id"), {"allOf": [_LOGOUT_ALL, _given("user_id")]}]},
    },
]


def json_schema(name: str) -> Node:
    """Return the JSON Schema of a contract.

    Args:
        name: event, alert, revocation, webhook or user-notice.
    """
    # "serialization" for what only leaves: there every field is always present.
    mode: Any = "validation" if name == "event" else "serialization"
    schema = MODELS[name].model_json_schema(mode=mode)
    if name == "event":
        # The model is strict for the decoder, which has moved them to the attributes by then.
        schema["additionalProperties"] = True
        schema["allOf"] = _NEEDS_SESSION
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:sessionwatch:schema:{name}:1",
        **schema,
    }


def asyncapi() -> Node:
    """Return the AsyncAPI 3.0 document of the topics, and of what is posted to an app."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "sessionwatch",
            "version": CONTRACT_VERSION,
            "description": "Apps tell what happens to their sessions; what breaks the contract is told back.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "sessionEvents": {
                "address": "session-events",
                "description": f"One JSON object a record, UTF-8, at most {MAX_EVENT_BYTES} bytes.",
                "messages": {"sessionEvent": {"$ref": "#/components/messages/sessionEvent"}},
            },
            "deadLetters": {
                "address": "session-events-dlq",
                "description": "What was refused: reason, hash and place, never the content.",
                "messages": {"deadLetter": {"$ref": "#/components/messages/deadLetter"}},
            },
            "revocations": {
                "address": "session-revocations",
                "description": "For services that keep a block list in memory; compacted.",
                "messages": {"revocation": {"$ref": "#/components/messages/revocation"}},
            },
            "webhooks": {
                "address": None,
                "description": "The url of a webhook target: one POST a message, which any answer of 2xx takes.",
                "messages": {
                    "webhook": {"$ref": "#/components/messages/webhook"},
                    "userNotice": {"$ref": "#/components/messages/userNotice"},
                },
            },
        },
        "operations": {
            "receiveSessionEvents": _operation("receive", "sessionEvents", "sessionEvent"),
            "sendDeadLetters": _operation("send", "deadLetters", "deadLetter"),
            "sendRevocations": _operation("send", "revocations", "revocation"),
            "sendWebhooks": _operation("send", "webhooks", "webhook", "userNotice"),
        },
        "components": {
            "messages": {
                "sessionEvent": _session_event(),
                "deadLetter": _dead_letter(),
                "revocation": {**_signed("Revocation", "webhook"), "bindings": _key_binding(_REVOCATION_KEY)},
                "webhook": _signed("Revocation, release, step-up or locked login", "webhook"),
                "userNotice": _signed("What a user is to be told", "user-notice"),
            }
        },
    }


def documents() -> dict[str, str]:
    """Return every document's text by its path beside this file."""
    written = {f"json/{name}.schema.json": to_json(json_schema(name)) for name in MODELS}
    written["asyncapi.yaml"] = to_yaml(asyncapi())
    return written


def to_json(node: Node) -> str:
    """Return a document as JSON with sorted names."""
    return json.dumps(node, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def to_yaml(node: Node) -> str:
    """Return a document of objects, arrays and scalars as YAML 1.2."""
    return "\n".join(_yaml(node, "")) + "\n"


def write(folder: Path) -> None:
    """Write every document under a folder."""
    for path, text in documents().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _operation(action: str, channel: str, *messages: str) -> Node:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"} for message in messages],
    }


def _session_event() -> Node:
    return {
        "title": "Session event",
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": {"sw-signature": {"type": "string", "description": _SIGNATURE}},
        },
        "payload": _payload({"$ref": "./json/event.schema.json"}),
        "bindings": _key_binding(_EVENT_KEY),
    }


def _dead_letter() -> Node:
    text, number = {"type": "string"}, {"type": "integer"}
    properties = {
        "topic": text,
        "partition": number,
        "offset": number,
        "reason": {"enum": [reason.value for reason in Reason]},
        "sha256": {**text, "description": "of the refused value, hexadecimal"},
    }
    return {
        "title": "Dead letter",
        "contentType": "application/json",
        "payload": _payload({"type": "object", "required": list(properties), "properties": properties}),
        "bindings": _key_binding(_DEAD_LETTER_KEY),
    }


def _signed(title: str, schema: str) -> Node:
    headers = {name: {"type": "string", "description": meaning} for name, meaning in _WEBHOOK_HEADERS.items()}
    return {
        "title": title,
        "contentType": "application/json",
        "headers": {"type": "object", "required": list(headers), "properties": headers},
        "payload": _payload({"$ref": f"./json/{schema}.schema.json"}),
    }


def _payload(schema: Node) -> Node:
    return {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": schema}


def _key_binding(description: str) -> Node:
    return {"kafka": {"key": {"type": "string", "description": description}}}


_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_WORDS_WITH_A_MEANING = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def _yaml(node: Any, indent: str) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _entry(f"{indent}{_scalar(name)}:", value, indent + "  ")
    else:
        for value in node:
            if isinstance(value, dict) and value:
                first, *rest = _yaml(value, indent + "  ")
                yield f"{indent}- {first.strip()}"
                yield from rest
            else:
                yield from _entry(f"{indent}-", value, indent + "  ")


def _entry(opening: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield opening
        yield from _yaml(value, indent)
    else:
        yield f"{opening} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS_WITH_A_MEANING:
        return value
    # A JSON text, number or empty collection is also one in YAML.
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    write(Path(__file__).parent)
