"""The contracts that all rooms share: event, alert, revocation, signal, app policy. Imports nothing of the project."""
