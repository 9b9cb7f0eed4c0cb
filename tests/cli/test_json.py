"""``--json`` of every subcommand, on files in the shapes that users meet."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from arraynet import Dense, Scale, Sequential
from arraynet.cli.group import commands
from tests.cli.test_help import leaves

RunJson = Callable[..., dict[str, Any]]

WEIGHTS = {
    "W1": np.eye(4, 3, dtype=np.float32),
    "b1": np.zeros(3, np.float32),
    "W2": np.eye(3, 2, dtype=np.float32),
    "b2": np.ones(2, np.float32),
}
PARAMETERS = 4 * 3 + 3 + 3 * 2 + 2
MEANT = ("--hidden", "sigmoid", "--output", "softmax")

BARE = ("weights.npz", "weights.safetensors", "weights.pkl", "described.safetensors")
WHOLE = ("network.npz", "network.safetensors", "attributes.npz")


@pytest.fixture
def file(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, tuple[str, ...]]:
    """Write a file of one of the kinds; return it with the options that it needs."""
    path = tmp_path / request.param
    if path.stem == "described":
        save_file(WEIGHTS, path, {"format": "pt", "note": "a\nb"})
    elif path.stem in ("network", "attributes"):
        first, second = (Dense(WEIGHTS[f"W{n}"], WEIGHTS[f"b{n}"]) for n in (1, 2))
        alpha = ("leaky_relu", {"alpha": 0.5}) if path.stem == "attributes" else "sigmoid"
        Sequential(Scale(1.0), first, alpha, second, "softmax").save(path)
    elif path.suffix == ".npz":
        np.savez(path, **WEIGHTS)
    elif path.suffix == ".safetensors":
        save_file(WEIGHTS, path)
    else:
        path.write_bytes(pickle.dumps(WEIGHTS))
    return path, (MEANT if request.param in BARE else ())


@pytest.fixture
def images(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", np.eye(4, dtype=np.float32))
    return tmp_path / "x.npy"


@pytest.mark.parametrize("file", [*BARE, *WHOLE], indirect=True)
def test_inspect(run_json: RunJson, file: tuple[Path, tuple[str, ...]]) -> None:
    path, options = file
    found = run_json("inspect", path)
    assert found["file"] == str(path)
    assert found["file_bytes"] == path.stat().st_size
    shapes = {tensor["name"]: tensor["shape"] for tensor in found["tensors"]}
    for name, weight in WEIGHTS.items():
        assert shapes[name] == list(weight.shape)
    ops = [node["op"] for node in found["nodes"]]
    if options:
        assert ops == []
    else:
        middle = "leaky_relu" if path.stem == "attributes" else "sigmoid"
        assert ops == ["scale_shift", "affine", middle, "affine", "softmax"]
        attributes = found["nodes"][2]["attributes"]
        assert attributes == ({"alpha": 0.5} if path.stem == "attributes" else {})
    if path.stem == "described":
        assert found["metadata"] == {"format": "pt", "note": "a\nb"}


@pytest.mark.parametrize("file", [*BARE, *WHOLE], indirect=True)
def test_a_network(
    run_json: RunJson, file: tuple[Path, tuple[str, ...]], images: Path, labels: Path
) -> None:
    path, options = file
    known = PARAMETERS + (0 if options else 2)
    assert run_json("summary", path, *options)["parameters"] == known
    target = path.with_name("converted.npz")
    assert run_json("convert", path, target, *options)["parameters"] == known
    assert run_json("inspect", target)["nodes"]
    rows = run_json("predict", path, images, *options)["predictions"]
    for row in rows:
        assert sum(row["probabilities"]) == pytest.approx(1)
    labelled = ("--images", images, "--labels", labels, "--limit", 2)
    assert run_json("evaluate", path, *options, *labelled)["total"] == 2
    compared = run_json("parity", path, *options, "--images", images)
    assert [node["op"] for node in compared["nodes"]][-1] == "softmax"


@pytest.mark.parametrize("file", [*BARE[:1], *WHOLE], indirect=True)
@pytest.mark.parametrize("kind", ["graph", "layers", "weights", "probabilities", "parity"])
def test_a_picture(
    run_json: RunJson, file: tuple[Path, tuple[str, ...]], images: Path, kind: str
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    path, options = file
    given = () if kind in ("graph", "weights") else ("--images", images)
    shape = ("--shape", "2x2") if kind in ("weights", "probabilities") else ()
    out = path.with_name("picture.png")
    drawn = run_json("plot", kind, path, *options, *given, *shape, "--out", out, "--dpi", "40")
    assert (drawn["kind"], drawn["bytes"]) == (kind, out.stat().st_size)


def test_numbers_that_json_lacks_are_null(run_json: RunJson, tmp_path: Path, images: Path) -> None:
    path = tmp_path / "nan.npz"
    np.savez(path, W1=np.full((4, 2), np.nan, np.float32), b1=np.zeros(2, np.float32))
    options = ("--output", "identity", "--allow-nonfinite")
    rows = run_json("predict", path, images, *options)["predictions"]
    assert rows[0]["outputs"] == [None, None]
    assert run_json("parity", path, "--images", images, *options, "--limit", "0")["margin"] is None
    assert run_json("evaluate", "--limit", "0")["accuracy"] is None


def test_every_subcommand_is_here_or_beside(run_json: RunJson) -> None:
    """Of those that take no file of weights, others test what they print."""
    beside = {"draw", "doctor", "fetch mnist", "plot activations", "plot digits",
              "plot misclassified", "plot confusion"}  # fmt: skip
    here = {"inspect", "summary", "convert", "predict", "evaluate", "parity", "plot graph",
            "plot layers", "plot weights", "plot probabilities", "plot parity"}  # fmt: skip
    assert {" ".join(words) for words, _ in leaves(commands)} == here | beside
