"""What is printed of results."""

from __future__ import annotations

import pytest

from bench.results import Absence, Results
from bench.table import absence_lines, heading, markdown_table, microseconds, text_table, times
from bench.targets import GPU_TARGETS, TARGETS, target_lines
from tests.bench.conftest import Add

MEDIANS = {
    ("mnist-1", "arraynet"): 4.0,
    ("mnist-1", "products"): 2.5,
    ("mnist-1", "onnxruntime"): 5.0,
    ("mnist-100", "arraynet"): 80.0,
    ("mnist-100", "onnxruntime"): 1234.56,
    ("width-16", "arraynet"): 30.0,
    ("width-16", "onnxruntime"): 60.0,
    ("width-64", "onnxruntime"): 90.0,
}

TEXT = """\
workload                 threads  contestant   median µs  × arraynet  × products
MNIST network, 1 row           1  arraynet          4.00        1.00        1.60
                                  products          2.50        0.62        1.00
                                  onnxruntime       5.00        1.25        2.00
MNIST network, 100 rows        1  arraynet          80.0        1.00           –
                                  onnxruntime      1,235       15.43           –

growth with the width, median µs, 1 thread
width  arraynet  onnxruntime
16         30.0         60.0
64            –         90.0"""

MARKDOWN = """\
Median µs a call (times arraynet's; times that of the bare products).

| 1 thread | arraynet | products | onnxruntime |
| --- | ---: | ---: | ---: |
| MNIST network, 1 row | 4.00 (1.00; 1.60) | 2.50 (0.62; 1.00) | 5.00 (1.25; 2.00) |
| MNIST network, 100 rows | 80.0 (1.00; –) | – | 1,235 (15.43; –) |

Growth with the width, median µs, 1 thread:

| width | arraynet | onnxruntime |
| --- | ---: | ---: |
| 16 | 30.0 | 60.0 |
| 64 | – | 90.0 |"""

MACHINE = {
    "processor": "A processor",
    "cores": 2,
    "load": 0.1,
    "system": "Linux x86_64",
    "python": "3.12.0",
    "date": "2025-01-31T10:00:00+00:00",
    "mnist_weights": "random, seeded",
    "environment": {"OPENBLAS_CORETYPE": None},
}


def test_the_text_has_a_line_for_each_contestant(made: Add) -> None:
    assert text_table(made(MEDIANS)) == TEXT


def test_the_markdown_has_a_column_for_each_contestant(made: Add) -> None:
    assert markdown_table(made(MEDIANS)) == MARKDOWN


def test_threads_are_apart(made: Add) -> None:
    results = made(MEDIANS)
    results.measurements += made({("mnist-1", "arraynet"): 8.0}, threads=2).measurements
    lines = text_table(results).splitlines()
    assert " ".join(lines[4].split()) == "MNIST network, 1 row 2 arraynet 8.00 1.00 –"
    assert "| 2 threads | arraynet |\n| --- | ---: |\n" in markdown_table(results)


def test_no_results_are_an_empty_table() -> None:
    assert text_table(Results([], {})) == markdown_table(Results([], {})) == ""


def test_ratios_are_between_medians_and_not_between_means(made: Add) -> None:
    results = made(MEDIANS)
    one = results.find("mnist-1", "onnxruntime", 1)
    assert one is not None
    assert one.samples == pytest.approx((1e-5, 5e-6, 5e-7))
    assert one.median == pytest.approx(5e-6)
    assert results.ratio(one, "arraynet") == pytest.approx(1.25)
    assert results.ratio(one, "textbook") is None
    assert results.ratio(None, "arraynet") is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.236e-6, "4.24"), (55.54e-6, "55.5"), (999.9e-6, "999.9"), (1.2345, "1,234,500")],
)
def test_microseconds(seconds: float, text: str) -> None:
    assert microseconds(seconds) == text


def test_a_ratio_without_a_base_is_a_dash() -> None:
    assert times(None) == "–"
    assert times(0.946) == "0.95"


def test_the_heading_says_where_and_with_what(made: Add) -> None:
    results = made(MEDIANS)
    results.facts = {"arraynet": {"arraynet": "0.1.0"}, "textbook": {"numpy": "2.4.6"}}
    results.blas = {
        "onnxruntime": [{"internal_api": "mkl"}],
        "arraynet": [{"internal_api": "openblas", "version": "0.3.31", "architecture": "Zen"}],
    }
    assert heading(MACHINE, results) == [
        "A processor, 2 cores, Linux x86_64, Python 3.12.0, 2025-01-31",
        "arraynet 0.1.0, numpy 2.4.6",
        "NumPy's BLAS: openblas 0.3.31 (Zen); weights of the MNIST network: random, seeded",
    ]


def test_the_heading_warns_of_what_changes_figures(made: Add) -> None:
    machine = {**MACHINE, "load": 3.96, "environment": {"OPENBLAS_CORETYPE": "Haswell"}}
    assert heading(machine, made(MEDIANS))[-2:] == [
        "The environment sets OPENBLAS_CORETYPE=Haswell: figures without it may differ.",
        "The machine was busy at the start (load 4.0): read ratios only.",
    ]


def test_what_is_missing_is_said_once() -> None:
    absences = [
        Absence("torch", 1, "unavailable", "not installed"),
        Absence("torch", 2, "unavailable", "not installed"),
        Absence("sk", 1, "unsupported", "no way", "mixed-1"),
        Absence("sk", 1, "unsupported", "no way", "mixed-100"),
        Absence("sk", 2, "unsupported", "no way", "mixed-1"),
        Absence("sk", 1, "wrong", "0.5 off", "mnist-1"),
    ]
    assert absence_lines(absences, {"torch": "torch", "sk": "scikit-learn"}) == [
        "torch: skipped: not installed",
        "scikit-learn: skipped on mixed-1, mixed-100: no way",
        "scikit-learn: wrong result on mnist-1: 0.5 off",
    ]


def test_targets_say_whether_they_were_met(made: Add) -> None:
    assert target_lines(made(MEDIANS), TARGETS) == [
        "mnist-1: 0.80 × onnxruntime, at most 0.95 wanted: met",
        "mnist-100: 0.06 × onnxruntime, at most 1.25 wanted: met",
    ]
    slow = {("wide-1", "arraynet"): 111.0, ("wide-1", "products"): 100.0}
    assert target_lines(made(slow), TARGETS) == [
        "wide-1: 1.11 × products, at most 1.10 wanted: missed"
    ]
    two = {("mnist-10000", "arraynet"): 3.0, ("mnist-10000", "onnxruntime"): 2.0}
    assert target_lines(made(two, threads=2), TARGETS) == [
        "mnist-10000, 2 threads: 1.50 × onnxruntime, at most 1.00 wanted: missed"
    ]


def test_gpu_targets_look_at_the_steady_state(made: Add) -> None:
    medians = {("mnist-1", "arraynet-gpu"): 50.0, ("mnist-1", "torch-cuda"): 100.0}
    assert target_lines(made(medians, phase="steady"), GPU_TARGETS) == [
        "mnist-1: 0.50 × torch cuda, at most 0.60 wanted: met"
    ]
    assert target_lines(made(medians), GPU_TARGETS) == []
