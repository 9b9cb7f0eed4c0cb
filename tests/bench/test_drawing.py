"""The picture of the growth curves."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.contestants import CONTESTANTS
from bench.drawing import MARKS, draw
from tests.bench.conftest import Add

MEDIANS = {
    (f"{curve}-{place}", name): 3.0 * place
    for curve, places in {"batch": (1, 10, 100), "width": (16, 64)}.items()
    for place in places
    for name in ("arraynet", "onnxruntime")
}


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_a_picture_is_written(suffix: str, start: bytes, made: Add, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"curves.{suffix}"
    draw(made(MEDIANS), path, "a caption")
    assert path.read_bytes().startswith(start)


def test_the_curves_hold_the_medians_and_the_axes_say_what_they_are(
    made: Add, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    kept: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **options: kept.append(self))
    draw(made(MEDIANS), tmp_path / "curves.png", "a caption")
    batch, width = kept[0].axes
    assert "rows" in batch.get_xlabel()
    assert "width" in width.get_xlabel()
    assert "µs" in batch.get_ylabel()
    assert batch.get_title() == "1 thread"
    for line in batch.get_lines():
        assert list(line.get_xdata()) == [1, 10, 100]
        assert list(line.get_ydata()) == pytest.approx([3, 30, 300])
    labels = [text.get_text() for text in batch.get_legend().get_texts()]
    assert labels == ["arraynet", "onnxruntime"]


def test_every_contestant_is_told_apart_without_colour() -> None:
    assert set(MARKS) == set(CONTESTANTS)
    assert len({marker for _, _, marker in MARKS.values()}) == len(MARKS)
