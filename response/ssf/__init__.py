"""Shared Signals: security event tokens sent (transmitter) and taken (receiver), OpenID SSF 1.0 and CAEP 1.0."""
