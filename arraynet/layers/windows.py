"""Layers without weights that images need: pooling, and what makes rows of them."""

from __future__ import annotations

from typing import Any

from arraynet.layers.layer import Layer, Numbers, in_windows


class MaxPool(Layer):
    """The maximum of each window, as `arraynet.ops.max_pool` has it.

    Parameters
    ----------
    kernel_shape : int or tuple of int
        Of a window, one for each spatial axis; one number is that of height and width.
    strides, pads, dilations : int or tuple of int, optional
        As those of `arraynet.ops.max_pool`; one number is that of all axes. The step from
        window to window is 1 where it is not said, as in ONNX.
    ceil_mode : bool
        Whether a last window may reach beyond the pads.

    Raises
    ------
    ShapeError
        If an attribute has not one number for each spatial axis.

    Examples
    --------
    >>> MaxPool(2, strides=2)
    MaxPool(kernel_shape=(2, 2), strides=(2, 2))
    """

    def __init__(
        self,
        kernel_shape: Numbers,
        *,
        strides: Numbers | None = None,
        pads: Numbers | None = None,
        dilations: Numbers | None = None,
        ceil_mode: bool = False,
    ) -> None:
        given: dict[str, Any] = {"strides": strides, "pads": pads, "dilations": dilations}
        given |= {"ceil_mode": ceil_mode or None}
        super().__init__("max_pool", {}, in_windows("MaxPool", kernel_shape=kernel_shape, **given))


class AveragePool(Layer):
    """The mean of each window, as `arraynet.ops.average_pool` has it.

    Parameters
    ----------
    kernel_shape, strides, pads, dilations, ceil_mode
        As those of `MaxPool`.
    count_include_pad : bool
        Whether the pads are elements of a window, zeros.

    Raises
    ------
    ShapeError
        If an attribute has not one number for each spatial axis.

    Examples
    --------
    >>> AveragePool((3, 1))
    AveragePool(kernel_shape=(3, 1))
    """

    def __init__(
        self,
        kernel_shape: Numbers,
        *,
        strides: Numbers | None = None,
        pads: Numbers | None = None,
        dilations: Numbers | None = None,
        ceil_mode: bool = False,
        count_include_pad: bool = False,
    ) -> None:
        given: dict[str, Any] = {"strides": strides, "pads": pads, "dilations": dilations}
        given |= {"ceil_mode": ceil_mode or None, "count_include_pad": count_include_pad or None}
        attributes = in_windows("AveragePool", kernel_shape=kernel_shape, **given)
        super().__init__("average_pool", {}, attributes)


class Flatten(Layer):
    """Rows of features from images: a dense layer after a convolution needs it.

    Parameters
    ----------
    axis : int
        The first axis of the features.

    Examples
    --------
    >>> Flatten()
    Flatten()
    """

    def __init__(self, axis: int = 1) -> None:
        super().__init__("flatten", {}, {} if axis == 1 else {"axis": axis})
