"""How good an answer is: accuracy, top-k accuracy, the confusion matrix.

Everything here is NumPy on the host. The true classes ``t`` are labels, of shape
(n,) or a column (n, 1), or one-hot rows, of shape (n, classes). A yes/no network has one
output and two classes: no (0) and yes (1), which is an output above a half.

A predicted label of -1 says that the network gave no answer: `Network.classify`
gives it for a row whose scores hold NaN. It is never right, never class 0, and it
still counts among the total.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from arraynet.admission import real_array, whole_number
from arraynet.errors import ShapeError
from arraynet.labels import Labels, integer_labels, label_array, labels_of
from arraynet.memory import telling_full_memory

__all__ = [
    "Evaluation",
    "accuracy",
    "confusion_matrix",
    "correct_count",
    "labels_of",
    "top_k_accuracy",
]

Counts = npt.NDArray[np.int64]

LARGEST_MATRIX = 10_000
"""The most classes that a confusion matrix has (800 MB of counts)."""

LARGEST_TABLE = 50
"""The most classes whose confusion matrix is shown as an HTML table."""


def correct_count(predicted: npt.ArrayLike, t: npt.ArrayLike) -> int:
    """Return how many predicted labels are right: see `accuracy`.

    Examples
    --------
    >>> correct_count([3, 1, -1], [3, 2, 0])
    1
    """
    guesses, truth, _ = _pair(predicted, t, None)
    return int(np.count_nonzero(guesses == truth))


def accuracy(predicted: npt.ArrayLike, t: npt.ArrayLike) -> float:
    """Return the share of predicted labels that are right, from 0 to 1.

    Of no labels at all, the share is NaN.

    Parameters
    ----------
    predicted : array_like
        (n,) integer labels; -1 is no answer, and is never right.
    t : array_like
        (n,) labels or (n, classes) one-hot rows.

    Raises
    ------
    ShapeError
        The counts differ, a label is out of range, or a rank is wrong.
    DtypeError
        The labels are not integers.

    Examples
    --------
    >>> accuracy([3, 1, 4, 1], [3, 1, 4, 2])
    0.75
    """
    guesses, truth, _ = _pair(predicted, t, None)
    return _share(int(np.count_nonzero(guesses == truth)), len(truth))


@telling_full_memory("top_k_accuracy")
def top_k_accuracy(scores: npt.ArrayLike, t: npt.ArrayLike, k: int = 5) -> float:
    """Return the share of rows whose true class is among the k best scores.

    Of two equal scores the lower class ranks first, as with argmax. A row that
    holds NaN is never right. Of no rows at all, the share is NaN.

    Parameters
    ----------
    scores : array_like
        (n, classes) probabilities or logits.
    t : array_like
        (n,) labels or (n, classes) one-hot rows.
    k : int
        From 1 to the number of classes.

    Raises
    ------
    ShapeError
        The counts differ, a label or ``k`` is out of range, or a rank is wrong.
    DtypeError
        The scores are not real numbers, or the labels not integers.

    Examples
    --------
    >>> top_k_accuracy([[0.5, 0.2, 0.3], [0.1, 0.7, 0.2]], [2, 0], k=2)
    0.5
    """
    table = real_array("scores", scores)
    if table.ndim != 2 or table.shape[1] == 1:
        wanted = "(n, classes) of two classes or more (of one output, net.classify makes labels)"
        raise ShapeError(f"scores: got shape {table.shape}, expected {wanted}")
    rows, classes = table.shape
    k = whole_number("k", k, most=classes, context=f" (scores have {classes} classes)")
    truth = labels_of(t, classes)
    _same_length(rows, len(truth), "scores")
    own = table[np.arange(rows), truth][:, np.newaxis]
    earlier = np.arange(classes) < truth[:, np.newaxis]
    rank = np.count_nonzero((table > own) | ((table == own) & earlier), axis=1)
    right = (rank < k) & ~np.isnan(table).any(axis=1)
    return _share(int(np.count_nonzero(right)), rows)


@telling_full_memory("confusion_matrix")
def confusion_matrix(
    predicted: npt.ArrayLike, t: npt.ArrayLike, classes: int | None = None
) -> Counts:
    """Count how often each class was taken for each class.

    Parameters
    ----------
    predicted : array_like
        (n,) integer labels. A -1 (no answer) is in no cell: the row of class c
        then sums to less than the number of examples of class c.
    t : array_like
        (n,) labels or (n, classes) one-hot rows.
    classes : int, optional
        How many classes there are; None takes the width of the one-hot rows, or
        one more than the largest label in either argument.

    Returns
    -------
    numpy.ndarray
        (classes, classes) int64: the row is the true class, the column the
        predicted one.

    Raises
    ------
    ShapeError, DtypeError
        As for `accuracy`.

    Examples
    --------
    >>> confusion_matrix([0, 1, 1, -1], [0, 1, 0, 1])
    array([[1, 1],
           [0, 1]])
    """
    guesses, truth, classes = _pair(predicted, t, classes)
    if classes is None:
        classes = int(max(guesses.max(initial=-1), truth.max(initial=-1))) + 1
    if classes > LARGEST_MATRIX:
        raise ShapeError(
            f"confusion_matrix: got {classes} classes, expected at most {LARGEST_MATRIX} "
            f"(are these labels?)"
        )
    answered = guesses >= 0
    cells = truth[answered] * classes + guesses[answered]
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network scored on labelled examples.

    Attributes
    ----------
    accuracy : float
        ``correct / total``; NaN when there were no examples.
    correct, total : int
        How many answers were right, of how many. Examples without an answer
        (NaN in the scores) count in the total.
    confusion_matrix : numpy.ndarray
        (classes, classes) int64, read-only: the row is the true class, the column
        the predicted one. Examples without an answer are in no cell.
    backend : str
        The name of the backend that ran the network.

    Examples
    --------
    >>> print(Evaluation.of([0, 1, 1, -1], [0, 1, 0, 1], classes=2, backend="cpu"))
    accuracy 50.00 % (2 of 4 right, 1 without an answer) on cpu
    """

    accuracy: float
    correct: int
    total: int
    confusion_matrix: Counts = field(repr=False)
    backend: str

    @classmethod
    def of(
        cls,
        predicted: npt.ArrayLike,
        t: npt.ArrayLike,
        *,
        classes: int | None = None,
        backend: str = "",
    ) -> Evaluation:
        """Compare predicted labels (n,) with ``t``; arguments and errors as for the matrix."""
        guesses, truth, classes = _pair(predicted, t, classes)
        matrix = confusion_matrix(guesses, truth, classes)
        matrix.setflags(write=False)
        correct = int(np.trace(matrix))
        return cls(_share(correct, len(truth)), correct, len(truth), matrix, backend)

    @property
    def unanswered(self) -> int:
        """How many examples got no answer, because their scores held NaN."""
        return self.total - int(self.confusion_matrix.sum())

    def __str__(self) -> str:
        if not self.total:
            return f"accuracy undefined (no examples) on {self.backend}"
        lacking = f", {self.unanswered} without an answer" if self.unanswered else ""
        share = f"accuracy {100 * self.accuracy:.2f} % ({self.correct} of {self.total} right"
        return f"{share}{lacking}) on {self.backend}"

    def _repr_html_(self) -> str:
        """Return the score and the confusion matrix, for a notebook."""
        import html

        classes = len(self.confusion_matrix)
        title = html.escape(str(self))
        if classes > LARGEST_TABLE:
            return f"<p>{title}; the confusion matrix ({classes} classes) is too large to show</p>"
        head = "".join(f'<th scope="col">{label}</th>' for label in range(classes))
        body = "".join(map(_html_row, range(classes), self.confusion_matrix))
        return (
            f'<table class="arraynet-evaluation"><caption>{title}. '
            f"Rows: true class; columns: predicted class.</caption>"
            f'<thead><tr><th scope="col">true \\ predicted</th>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )


def _html_row(label: int, counts: Counts) -> str:
    """Return one true class as a table row, each cell shaded by its share."""
    total = max(int(counts.sum()), 1)
    cells = "".join(
        f'<td style="background: rgba(70, 130, 180, {0.7 * count / total:.2f})">{count}</td>'
        for count in counts.tolist()
    )
    return f'<tr><th scope="row">{label}</th>{cells}</tr>'


@telling_full_memory("labels")
def _pair(
    predicted: npt.ArrayLike, t: npt.ArrayLike, classes: int | None
) -> tuple[Labels, Labels, int | None]:
    """Return both arguments as labels, checked against each other, and how many classes."""
    host, given = label_array("predicted", predicted), label_array("t", t)
    truth = labels_of(given, classes)
    if host.ndim != 1:
        wanted = "labels (n,) (take scores.argmax(axis=1), or net.classify)"
        raise ShapeError(f"predicted: got shape {host.shape}, expected {wanted}")
    _same_length(len(host), len(truth), "predicted")
    if classes is None and given.ndim == 2:
        classes = given.shape[1]
    return integer_labels("predicted", host, lowest=-1, classes=classes or None), truth, classes


def _same_length(predictions: int, truths: int, name: str) -> None:
    """Refuse counts that differ."""
    if predictions != truths:
        raise ShapeError(
            f"{name}: got {predictions} of them for {truths} labels in t, expected equal counts"
        )


def _share(correct: int, total: int) -> float:
    """Return ``correct / total``, NaN for nothing."""
    return correct / total if total else math.nan
