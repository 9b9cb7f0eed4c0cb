from __future__ import annotations

import gzip
import math
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from arraynet.graph import Graph, Node, Value
from arraynet.network import Network

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]

SOFTMAX = ("--output", "softmax")
SURE = math.e / (math.e + 3)
"""The softmax of (1, 0, 0, 0): its first entry; the others share the rest."""


def test_labels_and_probabilities(run: Run, brightest: Path, pixels: Path) -> None:
    lines = run("predict", brightest, pixels, *SOFTMAX, "--top", 2).stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [[str(i), str(i)] for i in range(4)]
    assert lines[2].split("   ")[-2:] == ["2: 47.54%", "0: 17.49%"]


def test_json_holds_every_probability(run_json: RunJson, brightest: Path, pixels: Path) -> None:
    result = run_json("predict", brightest, pixels, *SOFTMAX)
    assert (result["model"], result["images"]) == (str(brightest), str(pixels))
    assert result["backend"] == "cpu"
    for index, row in enumerate(result["predictions"]):
        assert (row["index"], row["label"]) == (index, index)
        wanted = [(1 - SURE) / 3] * 4
        wanted[index] = SURE
        assert row["probabilities"] == pytest.approx(wanted, rel=1e-6)


def test_outputs_that_are_no_probabilities_are_called_so(
    run: Run, run_json: RunJson, brightest: Path, pixels: Path
) -> None:
    result = run_json("predict", brightest, pixels, "--output", "identity", "--limit", 2)
    assert [row["outputs"] for row in result["predictions"]] == [[1, 0, 0, 0], [0, 1, 0, 0]]
    text = run("predict", brightest, pixels, "--output", "identity", "--limit", 1).stdout
    assert "0: 1" in text
    assert "%" not in text


def test_dark_on_light(run_json: RunJson, brightest: Path, tmp_path: Path) -> None:
    path = tmp_path / "dark.npy"
    np.save(path, np.array([[[255, 255], [0, 255]]], np.uint8))
    result = run_json("predict", brightest, path, *SOFTMAX, "--invert")
    assert result["predictions"][0]["label"] == 2
    assert result["predictions"][0]["probabilities"][2] == pytest.approx(SURE, rel=1e-6)


def test_only_bytes_can_be_inverted(run: Run, brightest: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((1, 4), np.float32))
    assert "float32" in run("predict", brightest, path, *SOFTMAX, "--invert", status=1).stderr


@pytest.mark.parametrize("shape", [(4,), (2, 2), (1, 4), (1, 2, 2), (1, 1, 2, 2)])
def test_shapes_that_are_one_image(
    run_json: RunJson, brightest: Path, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    path = tmp_path / "one.npy"
    np.save(path, np.array([0, 0, 0, 1.0]).reshape(shape))
    (row,) = run_json("predict", brightest, path, *SOFTMAX)["predictions"]
    assert row["label"] == 3


def test_floating_images_are_not_scaled(run_json: RunJson, brightest: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.array([[0.5, 0, 0, 0]]))
    (row,) = run_json("predict", brightest, path, "--output", "identity")["predictions"]
    assert row["outputs"] == [0.5, 0, 0, 0]


def test_bytes_stay_as_they_are_for_a_network_with_a_scale(
    run_json: RunJson, brightest: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.array([[16, 0, 0, 0]], np.uint8))
    (row,) = run_json("predict", brightest, path, "--output", "identity", "--scale", "1/16")[
        "predictions"
    ]
    assert row["outputs"] == [1, 0, 0, 0]


def test_an_idx_file(run_json: RunJson, brightest: Path, tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    header = struct.pack(">BBBBIII", 0, 0, 8, 3, 2, 2, 2)
    path.write_bytes(gzip.compress(header + bytes([0, 0, 255, 0, 0, 255, 0, 0])))
    result = run_json("predict", brightest, path, *SOFTMAX)
    assert [row["label"] for row in result["predictions"]] == [2, 1]


def test_a_png(run_json: RunJson, brightest: Path, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "image.png"
    image.fromarray(np.array([[0, 0], [0, 255]], np.uint8)).save(path)
    (row,) = run_json("predict", brightest, path, *SOFTMAX)["predictions"]
    assert row["label"] == 3


def test_nan_has_no_label(run: Run, run_json: RunJson, brightest: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.array([[math.nan, 0, 0, 0]]))
    (row,) = run_json("predict", brightest, path, *SOFTMAX)["predictions"]
    assert (row["label"], row["probabilities"]) == (-1, [None] * 4)
    assert "no answer" in run("predict", brightest, path, *SOFTMAX).stdout


def test_the_embedded_network_by_its_name(run_json: RunJson, tmp_path: Path) -> None:
    path = tmp_path / "blank.npy"
    np.save(path, np.zeros((3, 8, 8), np.uint8))
    rows = run_json("predict", "digits", path)["predictions"]
    assert len(rows) == 3
    assert math.isclose(sum(rows[0]["probabilities"]), 1, rel_tol=1e-6)


def test_a_file_of_the_name_goes_before_the_embedded_network(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("digits").write_bytes(b"no network")
    assert "digits: got no suffix" in run("predict", "digits", pixels, status=1).stderr


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.npy", b""),
        ("objects.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': '|O',}"),
        ("short.gz", gzip.compress(struct.pack(">BBBBIII", 0, 0, 8, 3, 9, 2, 2))),
        ("torn.png", b"\x89PNG\r\n\x1a\n"),
        ("text.txt", b"a file of another kind"),
    ],
)
def test_files_that_are_no_images(
    run: Run, brightest: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    result = run("predict", brightest, path, *SOFTMAX, status=1)
    assert result.stderr.startswith(f"arraynet: {path}: ")
    assert result.stderr.count("\n") == 1
    assert not result.stdout


def test_a_file_that_is_not_there(run: Run, brightest: Path) -> None:
    assert "nowhere.npy" in run("predict", brightest, "nowhere.npy", *SOFTMAX, status=1).stderr


def test_both_arguments_are_needed(run: Run) -> None:
    assert "FILE" in run("predict", "digits", status=2).stderr


def saved(
    folder: Path, shape: tuple[int | str, ...], last: Node | None = None, **weights: Any
) -> Path:
    """Write a network that scales its input by one, and ends with a node that reads z."""
    last = last or Node("identity", ("z",), ("y",))
    nodes = (Node("prelu", ("x", "slope"), ("z",)), last)
    weights["slope"] = np.ones(1, np.float32)
    path = folder / "net.safetensors"
    Network(Graph((Value("x", shape),), nodes, weights, ("y",))).save(path)
    return path


def test_the_limit_comes_before_the_work(run: Run, brightest: Path, tmp_path: Path) -> None:
    """A million images of bytes, and one of them as numbers: not all of them."""
    path = tmp_path / "many.npy"
    np.save(path, np.zeros((1_000_000, 2, 2), np.uint8))
    arguments = ("predict", brightest, path, *SOFTMAX, "--limit", 1, "--invert")
    run(*arguments)
    tracemalloc.start()
    try:
        assert len(run(*arguments).stdout.splitlines()) == 1
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()


def test_the_limit_counts_images_and_not_rows(
    run_json: RunJson, brightest: Path, tmp_path: Path
) -> None:
    path = tmp_path / "one.npy"
    np.save(path, np.array([[0, 0], [0, 255]], np.uint8))
    (row,) = run_json("predict", brightest, path, *SOFTMAX, "--limit", 1)["predictions"]
    assert row["label"] == 3


@pytest.mark.parametrize("more", [(), ("--json",)])
@pytest.mark.parametrize(
    ("shape", "last", "said"),
    [
        (("batch",), None, "from (batch,) to (batch,)"),
        (("batch", 4), Node("logsumexp", ("z",), ("y",)), "from (batch, 4) to (batch,)"),
        (("batch", 2, 2), None, "from (batch, 2, 2) to (batch, 2, 2)"),
        (("batch", "n"), None, "from (batch, n) to (batch, n)"),
        (
            ("batch", 2, 2),
            Node("logsumexp", ("z",), ("y",), {"axis": 0}),
            "from (batch, 2, 2) to (2, 2)",
        ),
    ],
)
def test_networks_that_do_not_classify(
    run: Run, pixels: Path, tmp_path: Path, shape: tuple[int | str, ...], last: Node | None,
    said: str, more: tuple[str, ...],
) -> None:  # fmt: skip
    result = run("predict", saved(tmp_path, shape, last), pixels, *more, status=1)
    assert result.stderr == (
        f"arraynet: predict: got a network {said}, expected (batch, classes)\n"
    )


def test_a_size_that_only_a_name_stands_for(run: Run, pixels: Path, tmp_path: Path) -> None:
    """Its product with a number would be the name, so many times."""
    model = saved(tmp_path, ("batch", 2**27, "n"), Node("logsumexp", ("z",), ("y",)))
    stderr = run("predict", model, pixels, status=1).stderr
    assert "input: got (batch, 134217728, n), expected numbers after the first axis" in stderr
    assert stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array(1.0), "a single number, expected an array with at least one axis"),
        (np.zeros((3, 4), "c8"), "complex64, expected real numbers"),
        (np.zeros((3, 4), ">c16"), "complex128, expected real numbers"),
    ],
)
def test_arrays_that_are_no_images(
    run: Run, brightest: Path, tmp_path: Path, array: np.ndarray, said: str
) -> None:
    path = tmp_path / "x.npy"
    np.save(path, array)
    stderr = run("predict", brightest, path, *SOFTMAX, status=1).stderr
    assert stderr == f"arraynet: {path}: got {said}\n"


@pytest.fixture
def yes_no(tmp_path: Path) -> Path:
    """Write weights of one output: the first of four pixels less the last."""
    path = tmp_path / "yes_no.npz"
    np.savez(path, W1=np.float32([[1], [0], [0], [-1]]), b1=np.zeros(1, np.float32))
    return path


def test_one_output_is_no_or_yes(run: Run, run_json: RunJson, yes_no: Path, pixels: Path) -> None:
    """The logistic function of 1, 0, 0 and -1; a half is no yes."""
    yes = [math.e / (math.e + 1), 0.5, 0.5, 1 / (math.e + 1)]
    result = run_json("predict", yes_no, pixels, "--output", "sigmoid")
    assert [row["label"] for row in result["predictions"]] == [1, 0, 0, 0]
    for row, probability in zip(result["predictions"], yes, strict=True):
        assert row["probabilities"] == pytest.approx([1 - probability, probability], rel=1e-6)
    first, *_, last = run("predict", yes_no, pixels, "--output", "sigmoid").stdout.splitlines()
    assert first.split() == ["0", "1", "1:", "73.11%", "0:", "26.89%"]
    assert last.split() == ["3", "0", "0:", "73.11%", "1:", "26.89%"]


def test_one_output_that_says_neither_is_refused(run: Run, yes_no: Path, pixels: Path) -> None:
    error = run("predict", yes_no, pixels, "--output", "identity", status=1).stderr
    assert "a network with one output, of identity1, expected one between 0 and 1" in error
