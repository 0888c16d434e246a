"""What can be wrong with what this room is given, each in one line for who wrote the configuration."""

from __future__ import annotations


class ResponseError(Exception):
    """The base of this room's errors."""


class PolicyRefused(ResponseError):
    """A policy line asks for something that does not exist, or not in this version."""


class TargetRefused(ResponseError):
    """A target cannot be used as it is configured."""


class ChatRefused(ResponseError):
    """A chat address cannot be used. The text never holds the address, which may carry a token."""
