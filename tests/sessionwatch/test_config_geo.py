"""`[geo]`: a file that cannot be used is told before anything starts."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from sessionwatch.cli import app


def test_a_missing_file_is_told_in_one_line(tmp_path: Path) -> None:
    config = tmp_path / "sessionwatch.toml"
    config.write_text('[geo]\nfiles = ["GeoLite2-City.mmdb"]\n')
    result = CliRunner().invoke(app, ["config", "check", "--config", str(config)])
    assert result.exit_code == 1
    (line,) = result.stdout.strip().splitlines()
    assert line == f"geo.files: {tmp_path / 'GeoLite2-City.mmdb'}: No such file or directory"
