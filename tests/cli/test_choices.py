"""Wrong words and values: exit status 2, and the one that was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from arraynet.backends import KNOWN

Run = Callable[..., Result]

NEAR = [
    (("evalute",), "evaluate"),
    (("fetch", "mnits"), "mnist"),
    (("plot", "activatoins"), "activations"),
    (("summary", "FILE", "--hidden", "rellu", "--output", "softmax"), "relu"),
    (("summary", "FILE", "--output", "soft-max"), "softmax"),
    (("convert", "FILE", "out.npz", "--output", "sotfmax"), "softmax"),
    (("summary", "FILE", "--output", "softmax", "--layout", "in-out"), "in_out"),
    (("summary", "--dtype", "float23"), "float32"),
    (("summary", "--backend", "cpuu"), "cpu"),
    (("evaluate", "--backend", "toch"), "torch"),
    (("doctor", "--backend", "array-api-strict"), "array_api_strict"),
    (("parity", "--backends", "cpu,jaxx"), "jax"),
    (("plot", "parity", "--backends", "cpu,jaxx"), "jax"),
    (("plot", "graph", "--style", "drak"), "dark"),
    (("plot", "activations", "rellu"), "relu"),
]


def filled(arguments: tuple[str, ...], path: Path) -> list[str]:
    return [str(path) if argument == "FILE" else argument for argument in arguments]


@pytest.mark.parametrize(("arguments", "meant"), NEAR, ids=lambda value: str(value))
def test_a_near_miss_is_told(
    run: Run, brightest: Path, arguments: tuple[str, ...], meant: str
) -> None:
    error = run(*filled(arguments, brightest), status=2).stderr.splitlines()[-1]
    assert error.startswith("Error: ")
    assert f"did you mean '{meant}'?" in error.lower()
    assert len(error) < 120


def test_so_it_is_of_an_option(run: Run) -> None:
    assert "'--batch-size'" in run("evaluate", "--batchsize", "3", status=2).stderr


@pytest.mark.parametrize(
    ("arguments", "choices"),
    [
        (("train",), ("evaluate", "plot")),
        (("help",), ("evaluate", "plot")),
        (("summary", "FILE", "--output", "magic"), ("sigmoid", "softmax")),
        (("summary", "FILE", "--output", "affine"), ("sigmoid", "softmax")),
        (("summary", "--backend", "abacus"), ("cpu", "gpu", "auto")),
        (("doctor", "--backend", ""), ("cpu", "gpu")),
        (("parity", "--backends", "cpu,abacus"), ("cpu", "gpu")),
        (("plot", "graph", "--style", "purple"), ("light", "dark")),
    ],
    ids=str,
)
def test_what_is_far_from_all_gets_the_choices(
    run: Run, brightest: Path, arguments: tuple[str, ...], choices: tuple[str, ...]
) -> None:
    error = run(*filled(arguments, brightest), status=2).stderr.splitlines()[-1]
    assert all(choice in error for choice in choices)


@pytest.mark.parametrize(
    "arguments",
    [
        ("parity", "--backends", "cpu"),
        ("parity", "--backends", ""),
        ("parity", "--tolerance", "nan"),
        ("parity", "--tolerance", "-1"),
        ("summary", "FILE", "--output", "softmax", "--scale", "nan"),
        ("summary", "FILE", "--output", "softmax", "--scale", "1e400"),
        ("summary", "FILE", "--output", "softmax", "--scale", "1/0"),
        ("summary", "digits", "--allow-nonfinite"),
    ],
    ids=str,
)
def test_values_that_nothing_could_be_done_with(
    run: Run, brightest: Path, arguments: tuple[str, ...]
) -> None:
    assert "Error: " in run(*filled(arguments, brightest), status=2).stderr


def test_upper_case_is_the_same_word(run: Run, brightest: Path) -> None:
    assert "softmax1" in run("summary", brightest, "--output", "SoftMax").stdout


@pytest.mark.parametrize("name", KNOWN)
def test_every_name_of_a_backend_is_one(run: Run, name: str) -> None:
    """Those that do not work here fail as such."""
    result = run("summary", "--backend", name, status=None)
    assert result.exit_code == 0 or (result.exit_code, "expected" in result.stderr) == (1, True)


@pytest.mark.parametrize("backend", ["cpu", "array_api_strict", "array_api_strict:device1"])
def test_names_with_a_device_are_names(run: Run, backend: str) -> None:
    pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
    assert f"on {backend}" in run("evaluate", "--backend", backend, "--limit", "3").stdout


HOSTILE = [
    ("VALUE",),
    ("evaluate", "--VALUE"),
    ("summary", "a", "VALUE"),
    ("summary", "VALUE"),
    ("inspect", "VALUE"),
    ("predict", "digits", "VALUE"),
    ("convert", "FILE", "VALUE", "--output", "softmax"),
    ("evaluate", "digits", "--images", "VALUE", "--labels", "VALUE"),
    ("parity", "--images", "VALUE"),
    ("summary", "FILE", "--output", "VALUE"),
    ("summary", "FILE", "--output", "softmax", "--layout", "VALUE"),
    ("summary", "FILE", "--output", "softmax", "--scale", "VALUE"),
    ("summary", "--dtype", "VALUE"),
    ("summary", "--backend", "VALUE"),
    ("summary", "--backend", "torch:VALUE"),
    ("doctor", "--backend", "VALUE"),
    ("parity", "--backends", "cpu,VALUE"),
    ("parity", "--tolerance", "VALUE"),
    ("evaluate", "--limit", "VALUE"),
    ("plot", "VALUE"),
    ("plot", "activations", "VALUE"),
    ("plot", "graph", "--out", "VALUE"),
    ("plot", "graph", "--out", "VALUE.png"),
    ("plot", "digits", "--shape", "VALUE"),
    ("draw", "--no-open", "--host", "VALUE"),
    ("fetch", "mnist", "--offline", "VALUE"),
]


@pytest.mark.parametrize("arguments", HOSTILE, ids=str)
@pytest.mark.parametrize(
    "value", ["\x1b]0;title\x07" + "v" * 99_999, "9" * 99_999], ids=["escape", "digits"]
)
def test_any_value_is_shown_short_and_harmless(
    run: Run, brightest: Path, arguments: tuple[str, ...], value: str
) -> None:
    if arguments[0] == "draw":
        pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    given = [word.replace("VALUE", value) for word in filled(arguments, brightest)]
    result = run(*given, status=None)
    assert result.exit_code in (1, 2), result.output
    assert "\x1b" not in result.output
    assert "\x07" not in result.output
    assert len(result.stdout) < 1500
    assert 0 < len(result.stderr) < 1500


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.array([0.5, 1, 2, 3]), "got float64, expected integer labels"),
        (np.array([0, 1, 99, 2]), "got label 99 at index 2, expected 0 to 3"),
        (np.array([0, 1, -7, 2]), "got label -7 at index 2, expected 0 to 3"),
    ],
)
@pytest.mark.parametrize("words", [("evaluate",), ("plot", "confusion"), ("plot", "misclassified")])
def test_the_command_speaks_of_options_and_not_of_arguments(
    run: Run, brightest: Path, pixels: Path, tmp_path: Path, words: tuple[str, ...],
    labels: np.ndarray, said: str,
) -> None:  # fmt: skip
    np.save(tmp_path / "t.npy", labels)
    given = ("--output", "softmax", "--images", pixels, "--labels", tmp_path / "t.npy")
    assert run(*words, brightest, *given, status=1).stderr.startswith(f"arraynet: --labels: {said}")


def test_a_file_whose_name_is_empty(run: Run) -> None:
    """As a variable of the shell gives it that nobody has set."""
    assert run("summary", "", status=1).stderr.startswith("arraynet: '': got no such file")
