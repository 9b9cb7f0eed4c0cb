"""Recurrent networks against loops in float64, and against PyTorch's."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraynet import ops
from arraynet.backends import Backend
from arraynet.errors import DtypeError, GraphError, ShapeError
from arraynet.ops import OPS
from tests.ops.applied import close, outputs, search
from tests.ops.references_recurrent import ACTIVATIONS, recurrent

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
DEFAULTS = {"rnn": ["Tanh"], "gru": ["Sigmoid", "Tanh"], "lstm": ["Sigmoid", "Tanh", "Tanh"]}
PARAMETERS = {"Affine": 2, "Elu": 1, "HardSigmoid": 2, "LeakyRelu": 1, "ScaledTanh": 2,
              "ThresholdedRelu": 1}  # fmt: skip


def _weights(name: str, directions: int, sizes: tuple[int, ...]) -> dict[str, Any]:
    turns, batch, features, hidden = sizes
    rows, random = GATES[name] * hidden, np.random.default_rng(3)
    shapes = {
        "x": (turns, batch, features),
        "w": (directions, rows, features),
        "r": (directions, rows, hidden),
        "b": (directions, 2 * rows),
        "h": (directions, batch, hidden),
        "c": (directions, batch, hidden),
        "p": (directions, 3 * hidden),
    }
    return {k: random.normal(size=s, scale=0.7).astype(np.float32) for k, s in shapes.items()}


def _batch_first(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.swapaxes(x, 0, 1))


@pytest.mark.parametrize("name", GATES)
def test_all_options(backend: Backend, name: str) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        draw = data.draw
        direction = draw(st.sampled_from(["forward", "reverse", "bidirectional"]))
        directions = 2 if direction == "bidirectional" else 1
        sizes = tuple(draw(st.integers(least, 3)) for least in (0, 0, 1, 1))
        v = _weights(name, directions, sizes)
        turns, batch = sizes[:2]
        biased, stateful, peeping = (draw(st.booleans()) for _ in range(3))
        lengths = draw(st.none() | st.lists(st.integers(0, turns), min_size=batch, max_size=batch))
        names = draw(
            st.just(DEFAULTS[name] * directions)
            | st.lists(
                st.sampled_from(sorted(ACTIVATIONS)),
                min_size=len(DEFAULTS[name]) * directions,
                max_size=len(DEFAULTS[name]) * directions,
            )
        )
        alpha = [0.25 + k / 8 for k, n in enumerate(names) if PARAMETERS.get(n)]
        beta = [0.75 - k / 8 for k, n in enumerate(names) if PARAMETERS.get(n) == 2]
        alphas, betas = iter(alpha), iter(beta)
        functions = [
            partial(
                lambda x, n, numbers: ACTIVATIONS[n](x, *numbers),
                n=n,
                numbers=[next(s) for s in (alphas, betas)[: PARAMETERS.get(n, 0)]],
            )
            for n in names
        ]
        attributes: dict[str, Any] = {"direction": direction}
        if names != DEFAULTS[name] * directions or draw(st.booleans()):
            attributes |= {"activations": tuple(names)}
            attributes |= {"activation_alpha": tuple(alpha), "activation_beta": tuple(beta)}
        clip = draw(st.sampled_from([None, 0.5]))
        if clip is not None:
            attributes["clip"] = clip
        flag = {"gru": "linear_before_reset", "lstm": "input_forget"}.get(name)
        flags = {flag: draw(st.booleans())} if flag else {}
        layout = draw(st.sampled_from([0, 1]))
        states = ["h", "c"] if name == "lstm" else ["h"]
        zeros = np.zeros_like(v["h"])
        wanted = recurrent(
            name,
            *(v[key].astype(float) for key in "xwr"),
            v["b"].astype(float) * biased,
            lengths if lengths is not None else [turns] * batch,
            [v[key].astype(float) if stateful else zeros.astype(float) for key in states],
            functions,
            direction=direction,
            clip=clip,
            peephole=v["p"].astype(float) if name == "lstm" and peeping else None,
            **flags,
        )
        turned = _batch_first if layout else (lambda x: x)
        inputs = [turned(v["x"]), v["w"], v["r"], v["b"] if biased else None]
        inputs.append(None if lengths is None else np.array(lengths, np.int32))
        inputs += [turned(v[key]) if stateful else None for key in states]
        if name == "lstm":
            inputs.append(v["p"] if peeping else None)
        got = outputs(backend, name, inputs, layout=layout, **attributes, **flags)
        if layout:
            wanted = [wanted[0].transpose(2, 0, 1, 3), *(s.swapaxes(0, 1) for s in wanted[1:])]
        for one, other in zip(got, wanted, strict=True):
            close(one, other, ulps=64)

    holds()


@pytest.mark.needs("torch")
@pytest.mark.parametrize("name", GATES)
def test_the_same_as_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    v = _weights(name, 2, (5, 4, 3, 6))
    module = getattr(torch.nn, name.upper())(3, 6, bidirectional=True)
    order = {"rnn": [0], "gru": [1, 0, 2], "lstm": [0, 2, 3, 1]}[name]  # gates in PyTorch's order

    def gates(x: np.ndarray) -> Any:
        return torch.from_numpy(np.concatenate([np.split(x, GATES[name])[k] for k in order]))

    with torch.no_grad():
        for d, suffix in enumerate(("", "_reverse")):
            getattr(module, f"weight_ih_l0{suffix}").copy_(gates(v["w"][d]))
            getattr(module, f"weight_hh_l0{suffix}").copy_(gates(v["r"][d]))
            for part, bias in zip(("ih", "hh"), np.split(v["b"][d], 2), strict=True):
                getattr(module, f"bias_{part}_l0{suffix}").copy_(gates(bias))
        lengths = [5, 2, 4, 1]
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            torch.from_numpy(v["x"]), lengths, enforce_sorted=False
        )
        states = [torch.from_numpy(v["h"]), torch.from_numpy(v["c"])]
        result, last = module(packed, tuple(states) if name == "lstm" else states[0])
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(result)
    given = [v["h"], v["c"]] if name == "lstm" else [v["h"]]
    flags = {"linear_before_reset": True} if name == "gru" else {}
    inputs = [v["x"], v["w"], v["r"], v["b"], np.array(lengths), *given]
    got = getattr(ops, name)(*inputs, direction="bidirectional", **flags)
    close(got[0], y.numpy().reshape(5, 4, 2, 6).transpose(0, 2, 1, 3), ulps=64)
    for one, other in zip(got[1:], last if name == "lstm" else [last], strict=True):
        close(one, other.numpy(), ulps=64)


def test_inputs_take_one_product_and_each_turn_one() -> None:
    shapes = [(7, 2, 3), (1, 20, 3), (1, 20, 5)]
    assert OPS["lstm"].multiply_adds(*shapes) == 7 * 2 * 20 * 3 + 7 * 2 * 20 * 5


def test_float16_is_computed_in_float32() -> None:
    v = _weights("lstm", 1, (20, 2, 3, 4))
    inputs = [v[key].astype(np.float16) for key in "xwrb"]
    wide = ops.lstm(*(x.astype(np.float32) for x in inputs))
    for one, other in zip(ops.lstm(*inputs), wide, strict=True):
        np.testing.assert_array_equal(one, other.astype(np.float16))


@pytest.mark.parametrize(
    ("attributes", "error", "message"),
    [
        ({"direction": "both"}, GraphError, "got direction='both', expected forward, reverse"),
        ({"activations": ("Relu", "Tanh")}, GraphError, "got 2 activations, expected 1"),
        ({"activations": ("Tan",)}, GraphError, "got the activation 'Tan', expected .*'tanh'"),
        ({"layout": 2}, GraphError, "got layout=2"),
        ({"hidden_size": 3}, ShapeError, "r is of 2 hidden numbers, and hidden_size=3"),
    ],
)
def test_what_does_not_fit_is_refused(attributes: Any, error: type, message: str) -> None:
    x, w, r = np.ones((3, 1, 4)), np.ones((1, 2, 4)), np.ones((1, 2, 2))
    with pytest.raises(error, match=f"^rnn: .*{message}"):
        ops.rnn(x, w, r, **attributes)


def test_arrays_that_do_not_fit_are_refused() -> None:
    x, w, r = np.ones((3, 1, 4)), np.ones((1, 2, 4)), np.ones((1, 2, 2))
    with pytest.raises(ShapeError, match=r"w \(1, 3, 4\) needs shape \(1, 2, 4\)"):
        ops.rnn(x, np.ones((1, 3, 4)), r)
    with pytest.raises(ShapeError, match=r"sequence_lens \(2,\) needs shape \(1,\)"):
        ops.rnn(x, w, r, None, np.array([1, 2]))
    with pytest.raises(DtypeError, match="rnn: got an array of float64, expected integers"):
        ops.rnn(x, w, r, None, np.array([1.0]))
    with pytest.raises(DtypeError, match="rnn: got an array of float32, expected one floating"):
        ops.rnn(x, w.astype(np.float32), r)
