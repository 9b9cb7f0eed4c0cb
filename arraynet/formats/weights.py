"""The weights and biases of dense layers in order, from the names and shapes of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from arraynet.errors import LoadError, choices_text, shortened
from arraynet.formats.naming import layers_of, refused
from arraynet.formats.stored import HostArray
from arraynet.graph import DTYPES
from arraynet.node import is_one_of

LAYOUTS = ("in_out", "out_in")


@dataclass(frozen=True, slots=True)
class DenseWeights:
    """What a file holds of one dense layer.

    Parameters
    ----------
    name : str
        What the file calls the weight.
    weight : numpy.ndarray, shape (in, out)
        Whatever the layout in the file.
    bias : numpy.ndarray, shape (out,)
    """

    name: str
    weight: HostArray
    bias: HostArray


def one_of(found: object, choices: Iterable[str]) -> str:
    """Return what an option is expected to be: the near miss, or all choices."""
    text = choices_text(found, choices)
    return f"another ({text})" if text.startswith("did you mean") else f"one of {text}"


def dense_weights(
    tensors: Mapping[str, HostArray], *, file: str, layout: str | None = None, mixed: bool = False
) -> list[DenseWeights]:
    """Return the layers of a file in order, once their tensors fit each other.

    Parameters
    ----------
    tensors : mapping of str to numpy.ndarray
        Named as one of `arraynet.formats.naming.STYLES` does.
    file : str
        Named in errors.
    layout : {"in_out", "out_in"}, optional
        The axes of the weights, if their names do not tell it right.
    mixed : bool
        Whether tensors may be of several dtypes, and of integers; then all are float64.

    Raises
    ------
    LoadError
        Naming the tensor, what it is and what was expected.

    Examples
    --------
    >>> tensors = {"0.weight": np.ones((2, 3), "f4"), "0.bias": np.zeros((1, 2), "f4")}
    >>> [layer] = dense_weights(tensors, file="model.npz")
    >>> layer.weight.shape, layer.bias.shape
    ((3, 2), (2,))
    """
    if layout is not None and not is_one_of(layout, LAYOUTS):
        raise LoadError(file, f"layout={shortened(layout)}", one_of(layout, LAYOUTS))
    names, usual = layers_of(tensors, file)
    tensors = _of_one_dtype(tensors, file, mixed=mixed)
    result = []
    for layer in names:
        weight, bias = tensors[layer.weight], tensors[layer.bias]
        if weight.ndim == 4:
            raise refused(
                file,
                f"a convolution's weight of shape {weight.shape}",
                "shape (in, out) of a dense layer (convolution is not supported yet)",
                layer.weight,
            )
        if weight.ndim != 2 or 0 in weight.shape:
            found = f"shape {shortened(weight.shape)}"
            raise refused(file, found, "(in, out), not empty", layer.weight)
        turned = weight.T if (layout or usual) == "out_in" else weight
        outputs = turned.shape[1]
        if bias.shape not in ((outputs,), (1, outputs), (outputs, 1)):
            raise refused(
                file,
                f"shape {shortened(bias.shape)}",
                f"({outputs},), as {layer.weight} is {weight.shape} in layout {layout or usual}",
                layer.bias,
            )
        result.append(DenseWeights(layer.weight, turned, bias.reshape(outputs)))
    return result


def _of_one_dtype(
    tensors: Mapping[str, HostArray], file: str, *, mixed: bool
) -> Mapping[str, HostArray]:
    """Return tensors of one floating dtype: as they are, or as float64, which holds the others."""
    first: tuple[str, str] | None = None
    for name, tensor in tensors.items():
        dtype = tensor.dtype.name
        if dtype not in DTYPES and not (mixed and tensor.dtype.kind in "iu"):
            advice = " (dtype='float32' converts it)" if tensor.dtype.kind in "iu" else ""
            raise refused(file, f"dtype {dtype}", f"one of {', '.join(DTYPES)}{advice}", name)
        first = first or (name, dtype)
        if dtype != first[1] and not mixed:
            expected = f"{first[1]}, as {first[0]} has (dtype='float32' converts all)"
            raise LoadError(file, f"dtype {dtype}", expected, member=name)
    kinds = {tensor.dtype.name for tensor in tensors.values()}
    if len(kinds) == 1 and kinds <= set(DTYPES):
        return tensors
    return {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
