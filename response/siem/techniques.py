"""Names of the ATT&CK techniques that the shipped rules are about (Enterprise, v17: https://attack.mitre.org)."""

from __future__ import annotations

FRAMEWORK = "MITRE ATT&CK"

TECHNIQUES = {
    "T1036": "Masquerading",
    "T1078": "Valid Accounts",
    "T1078.004": "Cloud Accounts",
    "T1098": "Account Manipulation",
    "T1110": "Brute Force",
    "T1110.001": "Password Guessing",
    "T1110.003": "Password Spraying",
    "T1110.004": "Credential Stuffing",
    "T1119": "Automated Collection",
    "T1539": "Steal Web Session Cookie",
    "T1550": "Use Alternate Authentication Material",
    "T1550.001": "Application Access Token",
    "T1550.004": "Web Session Cookie",
    "T1562": "Impair Defenses",
    "T1562.008": "Disable or Modify Cloud Logs",
    "T1563": "Remote Service Session Hijacking",
    "T1621": "Multi-Factor Authentication Request Generation",
}


def split(technique: str) -> tuple[str, str | None]:
    """Return a technique's id and, where it is one, its sub-technique's."""
    parent, dot, _ = technique.partition(".")
    return parent, technique if dot else None
