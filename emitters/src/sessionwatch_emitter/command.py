"""The command `sessionwatch-emitter`: makes secrets, and prints the key that the pipeline needs."""

from __future__ import annotations

import argparse
import base64
import secrets
import sys
from collections.abc import Sequence

from sessionwatch_emitter.errors import EmitterError
from sessionwatch_emitter.keys import check_key_id, derive_signing_key, read_secret


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "secret":
        sys.stdout.write(secrets.token_urlsafe(48) + "\n")
        return 0
    try:
        signing_key = derive_signing_key(read_secret(options.secret_file), options.app)
        sys.stdout.write(f"{check_key_id(options.key_id)}:{base64.b64encode(signing_key).decode()}\n")
    except EmitterError as error:
        sys.stderr.write(f"sessionwatch-emitter: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sessionwatch-emitter", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("secret", help="print a new random secret, to be kept in a file of the app")
    keys = commands.add_parser(
        "keys",
        help="print an app's signing key as a line for the pipeline's signing_key_file",
    )
    keys.add_argument("--secret-file", required=True, help="the file that holds the app's secret")
    keys.add_argument("--app", required=True, help="the app's name, which is part of the derivation")
    keys.add_argument("--key-id", default="k1", help="the secret's key id (default: k1)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
