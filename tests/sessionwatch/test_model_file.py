"""A model as files: what is written is read again, and nothing else is."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import skops.io
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression

from detectors.learned.features import FEATURES
from sessionwatch import model_file
from sessionwatch.config.models import CARD
from sessionwatch.model_file import TRUSTED, Card, ModelError, load, save
from tests.detectors.learned.past import trained


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(trained(), tmp_path / "models", seed=1, per_thousand=1.0)
    return tmp_path / "models"


def card_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / CARD).read_text()))


def rewrite(folder: Path, **changes: object) -> None:
    (folder / CARD).write_text(json.dumps({**card_of(folder), **changes}))


def put_forest(folder: Path, content: bytes) -> None:
    """Another file in the forest's place, with a card that speaks of it."""
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / f"session-outlier-{sha256[:12]}.skops").write_bytes(content)
    rewrite(folder, sha256=sha256)


def test_what_is_written_is_read_again(folder: Path) -> None:
    model = load(folder)
    assert model is not None
    card = Card.model_validate_json((folder / CARD).read_text())
    assert model.model_id == card.model_id
    assert (model.threshold, model.sessions, model.days) == (card.threshold, card.sessions, card.days)
    assert model.medians.tolist() == trained().medians.tolist()


def test_the_card_says_what_it_was_made_of(folder: Path) -> None:
    card = card_of(folder)
    assert set(card) >= {
        "scikit_learn", "features", "began", "ended", "days", "sessions", "seed", "threshold", "per_thousand",
    }  # fmt: skip


def test_where_there_is_no_model_there_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "nothing") is None


def test_the_newest_training_counts(folder: Path) -> None:
    first = load(folder)
    save(trained(300), folder, seed=1, per_thousand=1.0)
    second = load(folder)
    assert first is not None
    assert second is not None
    assert first.model_id != second.model_id


def test_the_same_training_has_the_same_name(folder: Path) -> None:
    first = load(folder)
    save(trained(), folder, seed=1, per_thousand=1.0)
    second = load(folder)
    assert first is not None
    assert second is not None
    assert first.model_id == second.model_id


def test_only_the_owner_can_read_it_and_nothing_half_is_left(folder: Path) -> None:
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_types_are_an_allow_list_of_ours_and_not_what_the_file_asks_for(folder: Path) -> None:
    foreign = skops.io.dumps(LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    put_forest(folder, foreign)
    with pytest.raises(ModelError, match="not an isolation forest"):
        load(folder)
    assert TRUSTED == ("sklearn.tree._tree.Tree",)


def test_a_type_outside_the_list_is_refused(folder: Path) -> None:
    put_forest(folder, skops.io.dumps({"a": print, "b": Path("x")}))
    with pytest.raises(ModelError, match="is no forest that can be trusted"):
        load(folder)


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        return (Path.touch, (Path("evil"),))  # type: ignore[return-value]


def test_a_pickle_is_never_read(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    put_forest(folder, pickle.dumps(Evil()))
    with pytest.raises(ModelError, match="is no forest that can be trusted"):
        load(folder)
    assert not (tmp_path / "evil").exists()


def test_a_file_that_was_changed_is_refused(folder: Path) -> None:
    (forest,) = folder.glob("*.skops")
    forest.write_bytes(forest.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match=r"is not the file that session-outlier\.json speaks of"):
        load(folder)


def test_a_forest_that_is_missing_is_told(folder: Path) -> None:
    (forest,) = folder.glob("*.skops")
    forest.unlink()
    with pytest.raises(ModelError, match="train again"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scikit_learn": "1.0"}, "trained with scikit-learn 1.0, here is"),
        ({"features": "0"}, "its features are those of another version"),
        ({"threshold": 2}, "threshold"),
        ({"format": 2}, "format"),
        ({"more": 1}, "more"),
        ({"sha256": "../../etc/passwd"}, "sha256"),
        ({"medians": [0.0]}, "its features are those of another version"),
    ],
)
def test_a_card_that_does_not_fit_is_told_in_one_line(folder: Path, change: dict[str, object], words: str) -> None:
    rewrite(folder, **change)
    with pytest.raises(ModelError, match=words) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "no json", "\x00" * 100, "{" * 10_000])
def test_a_card_that_is_none_is_told_in_one_line(folder: Path, text: str) -> None:
    (folder / CARD).write_text(text)
    with pytest.raises(ModelError, match="train again"):
        load(folder)


def test_a_card_without_end_is_not_read_whole(folder: Path) -> None:
    (folder / CARD).write_text(" " * 100_000)
    with pytest.raises(ModelError, match="larger than 64 KiB"):
        load(folder)


def test_a_file_that_unpacks_to_gigabytes_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_file, "MAX_UNPACKED_BYTES", 1_000_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("schema.json", b" " * 2_000_000)
    put_forest(folder, packed.getvalue())
    with pytest.raises(ModelError, match="is no forest that can be trusted"):
        load(folder)


def test_a_tree_that_points_outside_its_nodes_is_refused(folder: Path) -> None:
    """scikit-learn would walk it, and crash."""
    estimator = IsolationForest(n_estimators=2, max_samples=16, random_state=1).fit(
        [[float(n)] * len(FEATURES) for n in range(50)]
    )
    tree = estimator.estimators_[0].tree_
    state = tree.__getstate__()
    state["nodes"]["left_child"][0] = 1_000_000
    tree.__setstate__(state)
    put_forest(folder, skops.io.dumps(estimator))
    with pytest.raises(ModelError, match=r"nodes that it does not have|can be trusted"):
        load(folder)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        save(trained(), tmp_path / "file" / "models", seed=1, per_thousand=1.0)
