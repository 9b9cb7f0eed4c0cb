"""The weights of layers in order, from the names and shapes of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arraynet.errors import LoadError, choices_text, shortened
from arraynet.formats.naming import LayerNames, Style, check_there, layers_of, refused
from arraynet.formats.stored import HostArray
from arraynet.graph import DTYPES
from arraynet.node import is_one_of

LAYOUTS = ("in_out", "out_in")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A layer that a file is to have weights of.

    Parameters
    ----------
    op : {"affine", "conv", "batch_normalization"}
    bias : bool
        Whether there is a bias beside the weight.
    """

    op: str = "affine"
    bias: bool = True


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """What a file holds of one layer.

    Parameters
    ----------
    name : str
        What the file calls the weight.
    arrays : tuple of (numpy.ndarray or None)
        The weight and the bias: (in, out) and (out,) of a dense layer, whatever the layout
        in the file; (out, in / group, …) and (out,) of a convolution; of batch
        normalisation mean and variance too, (channels,) each.
    """

    name: str
    arrays: tuple[HostArray | None, ...]


def one_of(found: object, choices: Iterable[str]) -> str:
    """Return what an option is expected to be: the near miss, or all choices."""
    text = choices_text(found, choices)
    return f"another ({text})" if text.startswith("did you mean") else f"one of {text}"


def layer_weights(
    tensors: Mapping[str, HostArray],
    *,
    file: str,
    wanted: Sequence[Wanted] | None = None,
    layout: str | None = None,
    mixed: bool = False,
) -> list[LayerWeights]:
    """Return the weights of a file's layers in order, once each fits its layer.

    Parameters
    ----------
    tensors : mapping of str to numpy.ndarray
        Named as one of `arraynet.formats.naming.STYLES` does.
    file : str
        Named in errors.
    wanted : sequence of Wanted, optional
        Which layers there are. None: dense ones, as many as the names tell.
    layout : {"in_out", "out_in"}, optional
        The axes of the weights of dense layers, if their names do not tell it right.
    mixed : bool
        Whether tensors may be of several dtypes, and of integers; then all are float64.

    Raises
    ------
    LoadError
        Naming the tensor, what it is and what was expected.

    Examples
    --------
    >>> tensors = {"0.weight": np.ones((2, 3), "f4"), "0.bias": np.zeros((1, 2), "f4")}
    >>> [layer] = layer_weights(tensors, file="model.npz")
    >>> [array.shape for array in layer.arrays]
    [(3, 2), (2,)]
    """
    if layout is not None and not is_one_of(layout, LAYOUTS):
        raise LoadError(file, f"layout={shortened(layout)}", one_of(layout, LAYOUTS))
    names, style = layers_of(tensors, file)
    kinds = list(wanted or [])[: len(names)]
    kinds += [Wanted()] * (len(names) - len(kinds))
    for layer, kind in zip(names, kinds, strict=True):
        check_there(layer, tensors, file, bias=kind.bias)
    if wanted is not None and len(names) != len(wanted):
        ops = ", ".join(kind.op for kind in wanted[:20]) + ", …" * (len(wanted) > 20)
        raise LoadError(
            file,
            f"{len(names)} layers with weights (the last is {names[-1].weight})",
            f"{len(wanted)}, as layers= names them: {ops or 'none'}",
        )
    used = (name for layer in names for name in _names_of(layer) if name in tensors)
    tensors = _of_one_dtype({name: tensors[name] for name in used}, file, mixed=mixed)
    usual = layout or style.layout
    return [
        _of_layer(layer, kind, tensors, usual, style, file, told=wanted is not None)
        for layer, kind in zip(names, kinds, strict=True)
    ]


def _names_of(layer: LayerNames) -> list[str]:
    return [n for n in (layer.weight, layer.bias, layer.mean, layer.variance) if n is not None]


def _of_layer(
    layer: LayerNames,
    kind: Wanted,
    tensors: Mapping[str, HostArray],
    layout: str,
    style: Style,
    file: str,
    *,
    told: bool,
) -> LayerWeights:
    """Return what is in a file of one layer, once its shapes are those of its kind."""
    weight = tensors[layer.weight]
    if kind.op == "batch_normalization":
        return _of_normalization(layer, tensors, file)
    if layer.mean in tensors:
        raise refused(
            file,
            f"the mean of batch normalisation, for {kind.op}",
            "'batch_normalization' in layers= for it",
            layer.mean,
        )
    if kind.op == "conv":
        if style.channels_last:
            raise refused(
                file,
                f"a kernel of shape {weight.shape}, in a file of names whose kernels have channels "
                f"last",
                "(out, in, height, width), as images are (batch, channels, height, width)",
                layer.weight,
            )
        if weight.ndim < 3 or 0 in weight.shape:
            raise _unfit(file, layer, weight, kind, "(out, in, height, width)", told)
        return LayerWeights(layer.weight, (weight, _bias(layer, tensors, weight.shape[0], file)))
    if weight.ndim != 2 or 0 in weight.shape:
        raise _unfit(file, layer, weight, kind, "(in, out)", told)
    turned = weight.T if layout == "out_in" else weight
    why = f", as {layer.weight} is {weight.shape} in layout {layout}"
    return LayerWeights(layer.weight, (turned, _bias(layer, tensors, turned.shape[1], file, why)))


def _unfit(
    file: str, layer: LayerNames, weight: HostArray, kind: Wanted, shape: str, told: bool
) -> LoadError:
    """Return the error for a weight of another kind of layer."""
    found = f"shape {shortened(weight.shape)}"
    if told:
        return refused(
            file, f"{found} for the layer {kind.op!r}", f"{shape}, not empty", layer.weight
        )
    if weight.ndim > 2 and weight.size:
        return refused(
            file,
            f"a convolution's weight of shape {weight.shape}",
            "(in, out) of a dense layer (layers= lists all layers: conv, relu, max_pool, "
            "flatten, affine, softmax …)",
            layer.weight,
        )
    return refused(file, found, f"{shape}, not empty", layer.weight)


def _bias(
    layer: LayerNames, tensors: Mapping[str, HostArray], outputs: int, file: str, why: str = ""
) -> HostArray | None:
    """Return a bias, one number for each output; None where there is none."""
    bias = tensors.get(layer.bias)
    if bias is None:
        return None
    if bias.shape not in ((outputs,), (1, outputs), (outputs, 1)):
        why = why or f", one for each channel that {layer.weight} gives"
        raise refused(file, f"shape {shortened(bias.shape)}", f"({outputs},){why}", layer.bias)
    return bias.reshape(outputs)


def _of_normalization(
    layer: LayerNames, tensors: Mapping[str, HostArray], file: str
) -> LayerWeights:
    """Return scale, bias, mean and variance of batch normalisation."""
    if layer.mean is None or layer.variance is None:
        raise refused(
            file,
            "no names of a mean and a variance in this style",
            "those of batch normalisation: weight, bias, running_mean, running_var",
            layer.weight,
        )
    arrays = []
    for name in _names_of(layer):
        if name not in tensors:
            found = f"no tensor of that name (there is {layer.weight})"
            raise refused(file, found, "the four of batch normalisation", name)
        if tensors[name].ndim != 1 or tensors[name].shape != tensors[layer.weight].shape:
            found = f"shape {shortened(tensors[name].shape)} for batch normalisation"
            raise refused(file, found, "(channels,), as its other three have", name)
        arrays.append(tensors[name])
    return LayerWeights(layer.weight, tuple(arrays))


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
