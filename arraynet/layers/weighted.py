"""Layers with weights: what they hold is checked, and kept so that nobody writes to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet.admission import HostArray, real_array
from arraynet.errors import DtypeError, GraphError, ShapeError, shortened
from arraynet.graph import DTYPES, cast, seal
from arraynet.layers.layer import Layer, Numbers, in_windows
from arraynet.memory import telling_full_memory
from arraynet.node import is_one_of
from arraynet.weights import FORMATS, is_sealed

FLOAT64 = np.dtype(np.float64)


class Dense(Layer):
    """A dense layer, ``x @ W + b``: every output is connected with every input.

    Parameters
    ----------
    W : array_like, shape (in, out)
        The weights. With ``layout="out_in"``, shape (out, in), as PyTorch keeps them.
        Copied, unless nobody can write to them. Integers become the dtype of ``b`` where
        that is floating, else float64.
    b : array_like, shape (out,), optional
        The biases, of the dtype of ``W``; a list, or integers, become it. Zero when absent.
    layout : {"in_out", "out_in"}

    Raises
    ------
    ShapeError
        If ``W`` has not two axes, or ``b`` not one number for each output.
    DtypeError
        If they are not real numbers, not of one dtype, or integers that it cannot hold.

    Examples
    --------
    >>> Dense([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [0.5, 0.5])
    Dense(3 → 2)
    """

    def __init__(
        self, W: npt.ArrayLike, b: npt.ArrayLike | None = None, *, layout: str = "in_out"
    ) -> None:
        if not is_one_of(layout, ("in_out", "out_in")):
            raise GraphError(
                f"Dense: got layout {shortened(layout)}, expected 'in_out' or 'out_in'"
            )
        weight, bias = _weight_and_bias("Dense", W, b)
        if weight.ndim != 2:
            raise ShapeError(f"Dense: got W of shape {weight.shape}, expected (in, out)")
        self.weight = seal(weight.T if layout == "out_in" else weight)
        outputs = self.weight.shape[1]
        self.bias = seal(np.zeros(outputs, weight.dtype) if bias is None else bias)
        _check_bias("Dense", self.weight, self.bias, outputs)
        super().__init__("affine", {"W": self.weight, "b": self.bias}, {})

    @property
    def features(self) -> int:
        """How many features it takes."""
        return int(self.weight.shape[0])

    def __repr__(self) -> str:
        inputs, outputs = self.weight.shape
        return f"Dense({inputs} → {outputs})"


class Conv(Layer):
    """A convolution, as `arraynet.ops.conv` has it: the same kernels at every place.

    Parameters
    ----------
    W : array_like, shape (out, in / group, height, width)
        A kernel for each channel of the output, with any number of spatial axes. Copied,
        unless nobody can write to it. Integers become what those of `Dense` become.
    b : array_like, shape (out,), optional
        The biases, of the dtype of ``W``; a list, or integers, become it.
    strides, dilations : int or tuple of int, optional
        For each spatial axis the step from window to window, and within one; one number is
        that of all axes.
    pads : int or tuple of int, optional
        Zeros before each spatial axis, then after each; one number is that of all sides.
    group : int
        How many groups of channels are convolved apart.

    Raises
    ------
    ShapeError
        If ``W`` has no spatial axis, ``b`` not one number for each channel of the output,
        or an attribute not one number for each spatial axis.
    DtypeError
        As for `Dense`.

    Examples
    --------
    >>> import numpy as np
    >>> Conv(np.ones((30, 1, 5, 5)), pads=2)
    Conv(1 → 30, kernel (5, 5), pads=(2, 2, 2, 2))
    """

    options = ("strides", "pads", "dilations", "group")

    def __init__(
        self,
        W: npt.ArrayLike,
        b: npt.ArrayLike | None = None,
        *,
        strides: Numbers | None = None,
        pads: Numbers | None = None,
        dilations: Numbers | None = None,
        group: int = 1,
    ) -> None:
        weight, bias = _weight_and_bias("Conv", W, b)
        if weight.ndim < 3:
            raise ShapeError(
                f"Conv: got W of shape {weight.shape}, expected (out, in / group, height, width)"
            )
        if type(group) is not int or group < 1 or weight.shape[0] % group:
            raise ShapeError(
                f"Conv: got group={shortened(group)}, expected a whole number that divides "
                f"{weight.shape[0]}, the channels of the output"
            )
        self.weight = seal(weight)
        self.bias = None if bias is None else seal(bias)
        if self.bias is not None:
            _check_bias("Conv", self.weight, self.bias, weight.shape[0])
        windows = {"strides": strides, "pads": pads, "dilations": dilations}
        attributes = in_windows("Conv", weight.ndim - 2, **windows)
        attributes |= {} if group == 1 else {"group": group}
        own = {"W": self.weight} | ({} if self.bias is None else {"b": self.bias})
        super().__init__("conv", own, attributes)

    @property
    def features(self) -> int:
        """How many channels it takes."""
        return int(self.weight.shape[1]) * int(self.attributes.get("group", 1))

    @property
    def spatial(self) -> int:
        """How many spatial axes its images have."""
        return self.weight.ndim - 2

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self.attributes.items())
        kernel = self.weight.shape[2:]
        return f"Conv({self.features} → {self.weight.shape[0]}, kernel {kernel}{given})"


class BatchNormalization(Layer):
    """Batch normalisation at inference, with the mean and variance that training left.

    Parameters
    ----------
    scale, b, mean, var : array_like, shape (channels,)
        Of one dtype. In PyTorch's names: weight, bias, running_mean, running_var.
    epsilon : float
        Against division by 0.

    Raises
    ------
    ShapeError
        If they are not vectors of one length.
    DtypeError
        If they are not real numbers of one dtype.

    Examples
    --------
    >>> import numpy as np
    >>> BatchNormalization(np.ones(3), np.zeros(3), np.zeros(3), np.ones(3))
    BatchNormalization(3 channels)
    """

    options = ("epsilon",)

    def __init__(
        self,
        scale: npt.ArrayLike,
        b: npt.ArrayLike,
        mean: npt.ArrayLike,
        var: npt.ArrayLike,
        *,
        epsilon: float = 1e-5,
    ) -> None:
        factor, shift = _weight_and_bias("BatchNormalization", scale, b, "scale")
        assert shift is not None  # it is given
        vectors = {"scale": factor, "b": shift}
        for name, given in (("mean", mean), ("var", var)):
            vectors[name] = _beside("BatchNormalization", name, given, factor.dtype)
        for name, vector in vectors.items():
            if vector.shape != (factor.size,):
                raise ShapeError(
                    f"BatchNormalization: got {name} of shape {vector.shape}, expected vectors of "
                    f"one length (scale has shape {factor.shape})"
                )
            if vector.dtype != factor.dtype:
                raise DtypeError(
                    f"BatchNormalization: got {name} of {vector.dtype} beside scale of "
                    f"{factor.dtype}, expected one dtype"
                )
        names = ("gamma", "beta", "mean", "variance")
        own = {name: seal(v) for name, v in zip(names, vectors.values(), strict=True)}
        super().__init__(
            "batch_normalization", own, {} if epsilon == 1e-5 else {"epsilon": epsilon}
        )

    @property
    def features(self) -> int:
        """How many channels it takes."""
        return self.parameters["gamma"].size

    def __repr__(self) -> str:
        return f"BatchNormalization({self.features} channels)"


class Scale(Layer):
    """Scale and shift of each feature, ``x * scale + shift``, such as pixels / 255.

    Parameters
    ----------
    scale, shift : float or array_like, shape (features,)
        Numbers, or one for each feature; of images, one for each channel.

    Raises
    ------
    ShapeError
        If they have several axes.
    DtypeError
        If they are not real numbers.

    Examples
    --------
    >>> Scale(1 / 255)
    Scale(0.00392157, 0)
    """

    def __init__(self, scale: npt.ArrayLike, shift: npt.ArrayLike = 0.0) -> None:
        self.scale = copied("Scale: scale", scale, FLOAT64)
        self.shift = copied("Scale: shift", shift, FLOAT64)
        if self.scale.ndim > 1 or self.shift.ndim > 1:
            raise ShapeError(
                f"Scale: got shapes {self.scale.shape} and {self.shift.shape}, expected numbers "
                f"or one for each feature"
            )
        super().__init__("scale_shift", {"scale": self.scale, "shift": self.shift}, {})

    @property
    def features(self) -> int | None:
        """How many features it takes; None where it takes any number."""
        sizes = self.scale.shape + self.shift.shape
        return max(sizes) if sizes else None

    def in_dtype(self, dtype: np.dtype[Any], rank: int = 2) -> dict[str, HostArray]:
        """Return the two arrays in a dtype, to broadcast with images of that rank.

        Raises
        ------
        DtypeError
            If it cannot hold them.
        """
        result = {}
        for name, values in self.parameters.items():
            number = cast(f"Scale: {name}", values, dtype, nonzero=name == "scale")
            channels = number.ndim and rank > 2
            result[name] = number.reshape(-1, *(1,) * (rank - 2)) if channels else number
        return result

    def __repr__(self) -> str:
        return f"Scale({_text(self.scale)}, {_text(self.shift)})"


def _weight_and_bias(
    where: str, W: npt.ArrayLike, b: npt.ArrayLike | None, name: str = "W"
) -> tuple[HostArray, HostArray | None]:
    """Return a weight and what goes with it in a floating dtype: that of one or the other."""
    weight = copied(f"{where}: {name}", W)
    bias = None if b is None else copied(f"{where}: b", b)
    kind = weight.dtype
    if kind.name not in DTYPES:
        kind = bias.dtype if bias is not None and bias.dtype.name in DTYPES else FLOAT64
        weight = _exactly(f"{where}: {name}", weight, kind)
    return weight, None if b is None else _beside(where, "b", b, kind)


def _beside(where: str, name: str, given: npt.ArrayLike, kind: np.dtype[Any]) -> HostArray:
    """Return numbers as they are; a list, or integers, in the dtype of those beside them."""
    values = copied(f"{where}: {name}", given)
    if values.dtype.name not in DTYPES or not hasattr(given, "dtype"):
        return _exactly(f"{where}: {name}", values, kind)
    return values


def _check_bias(where: str, weight: HostArray, bias: HostArray, outputs: int) -> None:
    """Refuse a bias that has not one number for each output, or another dtype."""
    if bias.shape != (outputs,):
        raise ShapeError(
            f"{where}: got b of shape {bias.shape}, expected ({outputs},) "
            f"(W of shape {weight.shape} gives {outputs} outputs)"
        )
    if bias.dtype != weight.dtype:
        raise DtypeError(
            f"{where}: got b of {bias.dtype} beside W of {weight.dtype}, expected one dtype"
        )


def copied(what: str, values: npt.ArrayLike, kind: np.dtype[Any] | None = None) -> HostArray:
    """Return real numbers that nobody else writes to, in another dtype where there is one."""
    array = real_array(what, values)
    if kind in (None, array.dtype) and is_sealed(array):
        return array
    with telling_full_memory(what):
        return array.astype(array.dtype if kind is None else kind, order="K")


def _exactly(what: str, values: HostArray, kind: np.dtype[Any]) -> HostArray:
    """Return numbers in a floating dtype, unless they are integers that it cannot hold."""
    if values.dtype.kind in "biu" and values.size:
        largest = max(int(values.max()), -int(values.min()))
        if largest > 2 / FORMATS[kind.name].spacing:
            raise DtypeError(
                f"{what}: got whole numbers up to {largest}, expected ones that {kind} holds "
                f"exactly (choose a wider dtype)"
            )
    return cast(what, values, kind)


def _text(values: HostArray) -> str:
    return f"{float(values):g}" if values.ndim == 0 else f"{values.size} values"
