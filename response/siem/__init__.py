"""Alerts for a SIEM: what they say (OCSF, ECS), and the ways there (topic, file, syslog), one lane each."""
