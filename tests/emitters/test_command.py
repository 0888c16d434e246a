from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from sessionwatch_emitter.command import main
from sessionwatch_emitter.keys import MINIMUM_SECRET_BYTES

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    path = tmp_path / "bank.key"
    path.write_text(VECTORS["secret"] + "\n")
    return str(path)


def test_keys_prints_the_line_that_the_pipeline_reads(secret_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "--secret-file", secret_file, "--app", "bank"]) == 0
    assert capsys.readouterr().out == VECTORS["signing_keys"][0]["line"] + "\n"


def test_keys_prints_32_bytes_after_the_key_id(secret_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["keys", "--secret-file", secret_file, "--app", "bank", "--key-id", "2027"])
    key_id, encoded = capsys.readouterr().out.strip().split(":")
    assert (key_id, len(base64.b64decode(encoded))) == ("2027", 32)


def test_secret_prints_a_new_one_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    main(["secret"])
    main(["secret"])
    first, second = capsys.readouterr().out.split()
    assert first != second
    assert len(first) >= MINIMUM_SECRET_BYTES


def test_a_secret_file_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "--secret-file", "nowhere.key", "--app", "bank"]) == 1
    assert capsys.readouterr().err == (
        "sessionwatch-emitter: cannot read the secret file nowhere.key: No such file or directory\n"
    )


def test_keys_without_an_app_is_wrong_usage(secret_file: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["keys", "--secret-file", secret_file])
    assert ended.value.code == 2
