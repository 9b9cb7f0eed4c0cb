"""What `Network.evaluate` gives: its numbers, its line, its HTML."""

from __future__ import annotations

import dataclasses
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from arraynet.errors import ShapeError
from arraynet.metrics import Evaluation

PREDICTED = [0, 2, 2, -1, 1, 0]
TRUTH = [0, 2, 1, 0, 1, 2]


@pytest.fixture
def evaluation() -> Evaluation:
    return Evaluation.of(PREDICTED, TRUTH, classes=3, backend="cpu")


def test_numbers(evaluation: Evaluation) -> None:
    assert (evaluation.accuracy, evaluation.correct, evaluation.total) == (0.5, 3, 6)
    assert evaluation.unanswered == 1
    assert evaluation.confusion_matrix.tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 1]]
    assert evaluation.backend == "cpu"


def test_one_hot_rows_give_the_number_of_classes() -> None:
    evaluation = Evaluation.of(PREDICTED, np.eye(5)[TRUTH])
    assert evaluation.confusion_matrix.shape == (5, 5)
    with pytest.raises(ShapeError, match="expected -1 to 4"):
        Evaluation.of([5, *PREDICTED[1:]], np.eye(5)[TRUTH])


def test_line(evaluation: Evaluation) -> None:
    assert str(evaluation) == "accuracy 50.00 % (3 of 6 right, 1 without an answer) on cpu"
    whole = Evaluation.of([1, 1], [1, 1], backend="torch")
    assert str(whole) == "accuracy 100.00 % (2 of 2 right) on torch"


def test_of_nothing() -> None:
    evaluation = Evaluation.of([], [], classes=2, backend="cpu")
    assert math.isnan(evaluation.accuracy)
    assert (evaluation.correct, evaluation.total, evaluation.unanswered) == (0, 0, 0)
    assert str(evaluation) == "accuracy undefined (no examples) on cpu"


def test_html_is_well_formed_and_holds_every_count(evaluation: Evaluation) -> None:
    table = ElementTree.fromstring(evaluation._repr_html_())
    rows = [[int(cell.text or "") for cell in row.iter("td")] for row in table.iter("tr")]
    assert rows[1:] == evaluation.confusion_matrix.tolist()
    assert "50.00 %" in (table.findtext("caption") or "")


def test_html_escapes_the_backend() -> None:
    page = Evaluation.of([0], [0], backend="<script>")._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_html_of_many_classes_is_a_line() -> None:
    page = Evaluation.of([0], [0], classes=51, backend="cpu")._repr_html_()
    assert "<table" not in page
    assert "51 classes" in page


def test_it_cannot_be_changed(evaluation: Evaluation) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        evaluation.accuracy = 1.0  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        evaluation.confusion_matrix[0, 0] = 5
