"""Field names of the Elastic Common Schema, for rules that were written for it.

Source: the ECS field reference, version 8. Only fields that mean the same here are mapped: `user.name` may be
anything a person types and `event.action` has another vocabulary, so rules that use them are refused.
"""

from __future__ import annotations

from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import FieldMappingTransformation, FieldPrefixMappingTransformation

ECS_FIELDS: dict[str | None, str | list[str]] = {
    "@timestamp": "event_time",
    "client.as.number": "asn",
    "client.geo.city_name": "city",
    "client.geo.country_iso_code": "country",
    "client.geo.region_name": "region",
    "client.ip": "ip",
    "device.id": "device_id",
    "event.reason": "reason",
    "service.name": "app",
    "source.as.number": "asn",
    "source.geo.city_name": "city",
    "source.geo.country_iso_code": "country",
    "source.geo.region_name": "region",
    "source.ip": "ip",
    "user.id": "user_id",
    "user_agent.name": "agent.family",
    "user_agent.original": "user_agent",
    "user_agent.os.name": "agent.os",
}

ECS_PREFIXES: dict[str | None, str | list[str]] = {"labels.": "attributes."}


def ecs_pipeline() -> ProcessingPipeline:
    """Return the pipeline that renames ECS fields; names of our own pass through it unchanged."""
    return ProcessingPipeline(
        name="Elastic Common Schema to sessionwatch",
        items=[
            ProcessingItem(FieldMappingTransformation(dict(ECS_FIELDS)), identifier="ecs_fields"),
            ProcessingItem(FieldPrefixMappingTransformation(dict(ECS_PREFIXES)), identifier="ecs_prefixes"),
        ],
    )
