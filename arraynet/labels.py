"""Labels: the classes of examples, as a caller gives them, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet.admission import host_array, real_array, whole_number
from arraynet.errors import DtypeError, ShapeError, clipped
from arraynet.memory import telling_full_memory

Labels = npt.NDArray[np.int64]


@telling_full_memory("labels")
def labels_of(t: npt.ArrayLike, classes: int | None = None) -> Labels:
    """Return the labels that ``t`` holds, as labels or as one-hot rows.

    Parameters
    ----------
    t : array_like
        (n,) integer labels from 0 on, or a column (n, 1) of them, or (n, classes) rows
        with a single 1.
    classes : int, optional
        How many classes there are; None takes it from the rows, and accepts
        every label that is not negative.

    Returns
    -------
    numpy.ndarray
        (n,) int64.

    Raises
    ------
    ShapeError
        A label is out of range, a row is not one-hot, the rank is not 1 or 2, or
        ``classes`` is no count.
    DtypeError
        The labels are not integers.

    Examples
    --------
    >>> labels_of([[0, 1, 0], [1, 0, 0]])
    array([1, 0])
    """
    if classes is not None:
        classes = whole_number("classes", classes, least=0)
    host = label_array("t", t)
    if host.ndim == 2:
        return _labels_of_one_hot(real_array("t", host), classes)
    if host.ndim != 1:
        wanted = "labels (n,) or one-hot rows (n, classes)"
        raise ShapeError(f"t: got shape {host.shape}, expected {wanted}")
    return integer_labels("t", host, lowest=0, classes=classes)


def labels_from_scores(scores: npt.NDArray[Any]) -> Labels:
    """Return the class with the largest score of each row; -1 where a score is NaN.

    The scores are (rows, classes), the labels (rows,). Of a single score the label is whether
    it is above a half: no (0) or yes (1). Of which networks that is an answer,
    `Network.classes` tells.

    Examples
    --------
    >>> labels_from_scores(np.array([[0.2, 0.8], [np.nan, 1.0]]))
    array([ 1, -1])
    """
    scores = class_scores(scores)
    labels = scores.argmax(axis=-1) if scores.shape[-1] else np.full(scores.shape[:-1], -1)
    return np.where(np.isnan(scores).any(axis=-1), -1, labels).astype(np.int64)


def class_scores(scores: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a score for each class: of a single one those of no and of yes.

    Examples
    --------
    >>> class_scores(np.array([[0.25], [1.0]])).tolist()
    [[0.75, 0.25], [0.0, 1.0]]
    """
    return np.concatenate([1 - scores, scores], axis=-1) if scores.shape[-1] == 1 else scores


def _labels_of_one_hot(rows: npt.NDArray[Any], classes: int | None) -> Labels:
    """Return the labels of one-hot rows, after checking that they are."""
    if classes is not None and rows.shape[1] != classes:
        found = f"one-hot rows of {rows.shape[1]} classes"
        raise ShapeError(f"t: got {found}, expected {classes} classes")
    single = (np.count_nonzero(rows, axis=1) == 1) & (rows == 1).any(axis=1)
    if not single.all():
        row = int(np.argmin(single))
        found = f"row {row} = {clipped(str(rows[row]))}"
        raise ShapeError(f"t: got {found}, expected a single 1 and zeros (one-hot)")
    return rows.argmax(axis=1).astype(np.int64) if len(rows) else np.zeros(0, np.int64)


def integer_labels(
    name: str, host: npt.NDArray[Any], *, lowest: int, classes: int | None
) -> Labels:
    """Return a vector as int64 labels, each at least ``lowest`` and below ``classes``."""
    if host.size and host.dtype.kind not in "iub":
        advice = " (of one output, net.classify makes labels)" if host.dtype.kind == "f" else ""
        raise DtypeError(f"{name}: got {clipped(str(host.dtype))}, expected integer labels{advice}")
    bound = np.iinfo(np.int64).max if classes is None else classes
    for index in np.flatnonzero((host < lowest) | (host >= bound))[:1]:
        limit = f"{lowest} or more" if classes is None else f"{lowest} to {classes - 1}"
        raise ShapeError(f"{name}: got label {host[index]} at index {index}, expected {limit}")
    return host.astype(np.int64)


def label_array(name: str, x: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return labels as a NumPy array; a column of them is as good as a row."""
    host = host_array(name, x)
    return host[:, 0] if host.ndim == 2 and host.shape[1] == 1 else host
