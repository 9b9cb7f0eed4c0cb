from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]

PNG = b"\x89PNG\r\n\x1a\n"

TITLES = {
    "activations": "Activations",
    "confusion": "accuracy 98.03 % (348 of 355 right) on cpu, from the embedded test images",
    "digits": "40 images of 8 × 8 pixels, from the embedded test images",
    "graph": "9,360 parameters of float32",
    "layers": "Values in each layer, for 355 inputs, from the embedded test images",
    "misclassified": "7 of 355 misclassified, true → predicted, with its probability, from the "
    "embedded test images",
    "parity": "Differences from float64: 355 rows, 100 % of labels agree, from the embedded test "
    "images",
    "probabilities": "Predicted 5, true class 5, from image 0 of the embedded test images",
    "weights": "Weights W1, 64 inputs to each of 50 outputs",
}
"""What each subcommand draws of the network and the images that come with arraynet."""


@pytest.mark.parametrize("kind", TITLES)
def test_without_arguments_there_is_a_picture(
    run: Run, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = run("plot", kind, "--dpi", "40").stdout
    size = (tmp_path / f"{kind}.png").stat().st_size
    assert line == f"{kind}.png: {TITLES[kind]} ({size:,} bytes)\n"
    assert (tmp_path / f"{kind}.png").read_bytes().startswith(PNG)
    assert [path.name for path in tmp_path.iterdir()] == [f"{kind}.png"]


def test_the_same_as_json(run_json: RunJson, tmp_path: Path) -> None:
    out = tmp_path / "picture.svg"
    result = run_json("plot", "activations", "relu", "gelu", "--derivative", "--out", out)
    assert result == {
        "file": str(out),
        "kind": "activations",
        "bytes": out.stat().st_size,
        "title": "Activations and their derivatives",
        "panels": ["relu", "gelu"],
    }


def test_svg_is_xml_and_the_same_each_time(run: Run, tmp_path: Path) -> None:
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    for path in (first, second):
        run("plot", "graph", "--out", path)
    assert first.read_bytes() == second.read_bytes()
    assert ElementTree.parse(first).getroot().tag.endswith("svg")


def test_pdf(run: Run, tmp_path: Path) -> None:
    run("plot", "weights", "--out", tmp_path / "w.pdf")
    assert (tmp_path / "w.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(("style", "background"), [("light", 255), ("dark", 21)])
def test_styles(run: Run, tmp_path: Path, style: str, background: int) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    out = tmp_path / "a.png"
    run("plot", "activations", "--style", style, "--dpi", "50", "--out", out)
    with image.open(out) as picture:
        assert picture.convert("L").getpixel((1, 1)) == background
        assert picture.size == pytest.approx((390, 150), abs=1)  # 7.8 by 3 inches


def test_images_and_labels_from_files(
    run_json: RunJson, tmp_path: Path, pixels: Path, labels: Path, brightest: Path
) -> None:
    given = ("--images", pixels, "--labels", labels)
    weights = (brightest, "--output", "softmax")
    out = ("--out", tmp_path / "a.png", "--dpi", "40")
    assert run_json("plot", "digits", *given, *out)["title"] == "4 images of 2 × 2 pixels"
    assert run_json("plot", "digits", *given, "--limit", "1", *out)["title"].startswith("1 image")
    found = run_json("plot", "misclassified", *weights, *given, *out)["title"]
    assert found.startswith("1 of 4 misclassified")
    assert "3 of 4 right" in run_json("plot", "confusion", *weights, *given, *out)["title"]
    panels = run_json("plot", "layers", *weights, "--images", pixels, *out)["panels"]
    assert [panel.split(",")[0] for panel in panels] == ["x", "affine1", "softmax1"]
    one = ("--images", pixels, "--index", "3")
    found = run_json("plot", "probabilities", *weights, *one, *out)
    assert (found["title"], found["source"]) == ("Predicted 3", f"image 3 of {pixels}")
    found = run_json("plot", "probabilities", *weights, *one, "--labels", labels, *out)
    assert found["title"] == "Predicted 3, true class 0"


@pytest.mark.parametrize("kind", ["layers", "parity", "probabilities"])
def test_without_images_it_is_said_what_is_drawn(
    run: Run, kind: str, brightest: Path, tmp_path: Path
) -> None:
    """In the picture too: it may be all that is kept."""
    out = tmp_path / "x.svg"
    line = run("plot", kind, brightest, "--output", "softmax", "--out", out).stdout
    assert "1,000 random rows" in line
    assert (
        "1,000 random rows -->" in out.read_text()
    )  # letters are paths; matplotlib notes the text


@pytest.mark.parametrize(
    "arguments",
    [
        ("digits", "--limit", "400", "--dpi", "1200"),
        ("digits", "--limit", "400", "--dpi", "1200", "--out", "x.svg"),
        ("layers", "--dpi", "1200"),
    ],
)
def test_a_picture_beyond_all_memory_is_refused_before_it_is_drawn(
    run: Run, arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = run("plot", *arguments, status=1).stderr
    assert said.startswith("arraynet: --dpi: got 1200, which makes ")
    assert said.count("\n") == 1
    finest = re.search(r"expected at most (\d+)", said)
    assert finest
    assert list(tmp_path.iterdir()) == []
    if arguments[0] == "layers":
        run("plot", *arguments[:-1], finest[1])


def test_names_of_files_do_not_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    for name in ("\x1b[31mred.png", "a\nb.png", "\u202ex.png"):
        line = run("plot", "graph", "--dpi", "30", "--out", tmp_path / name).stdout
        assert line.count("\n") == 1
        assert line[:-1].isprintable()
        assert (tmp_path / name).exists()


def test_images_that_are_not_square(run_json: RunJson, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 6), "uint8"))
    given = ("--images", tmp_path / "x.npy", "--shape", "2x3", "--out", tmp_path / "x.png")
    assert run_json("plot", "digits", *given)["title"] == "3 images of 2 × 3 pixels"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("activations", "--out", "x.gif"), "got the suffix '.gif'"),
        (("graph", "--out", "nowhere/x.png"), "nowhere/x.png: No such file"),
        (("probabilities", "--index", "355"), "got 355, expected 0 to 354"),
    ],
)
def test_failures_are_one_line_and_leave_no_file(
    run: Run,
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("plot", *arguments, status=1)
    assert result.stderr.startswith("arraynet: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("digits", "--labels", "t.npy"),
        ("digits", "--shape", "8"),
        ("digits", "--limit", "401"),
        ("confusion", "--images", "x.npy"),
    ],
)
def test_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    assert "Error: " in run("plot", *arguments, status=2).stderr


def test_counts_of_images_and_labels_must_agree(run: Run, pixels: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.zeros(3, "uint8"))
    given = ("--images", pixels, "--labels", tmp_path / "t.npy")
    assert "got 3 labels, expected 4" in run("plot", "digits", *given, status=1).stderr


def test_without_matplotlib_it_says_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    assert "pip install 'arraynet[plot]'" in run("plot", "graph", status=1).stderr
