"""Attention against loops in float64, and against PyTorch's."""

from __future__ import annotations

import math
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

RANDOM = np.random.default_rng(11)


def _normal(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def attended(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, scale: float, softcap: float, seen: Any, added: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return what attention gives, and its weights, query by query.

    ``seen(n, h, i, j)`` and ``added(n, h, i, j)`` tell of key j for query i of head h.
    """
    batch, heads, queries, _ = q.shape
    share = heads // k.shape[1]
    y = np.zeros((batch, heads, queries, v.shape[3]))
    weights = np.zeros((batch, heads, queries, k.shape[2]))
    for n, h, i in np.ndindex(batch, heads, queries):
        scores = {}
        for j in range(k.shape[2]):
            score = scale * float(q[n, h, i].astype(float) @ k[n, h // share, j].astype(float))
            score = softcap * math.tanh(score / softcap) if softcap else score
            if seen(n, h, i, j):
                scores[j] = score + added(n, h, i, j)
        total = sum(math.exp(s) for s in scores.values())
        for j, s in scores.items():
            weights[n, h, i, j] = math.exp(s) / total
            y[n, h, i] += weights[n, h, i, j] * v[n, h // share, j].astype(float)
    return y, weights


def test_all_options(backend: Backend) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        draw = data.draw
        batch, groups, share, queries, keys, size, width = (
            draw(st.integers(least, 3)) for least in (1, 1, 1, 0, 0, 1, 1)
        )
        q = _normal(batch, groups * share, queries, size)
        k, v = _normal(batch, groups, keys, size), _normal(batch, groups, keys, width)
        past = draw(st.integers(0, 2))
        padded = past == 0 and draw(st.booleans())
        total = past + keys
        cache = [_normal(batch, groups, past, d) for d in (size, width)] if past else [None, None]
        lengths = np.array([draw(st.integers(0, total)) for _ in range(batch)]) if padded else None
        kind = draw(st.sampled_from(["none", "bool", "float"]))
        shape = draw(st.sampled_from([(), (1, 1), (batch, 1), (batch, groups * share)]))
        mask = RANDOM.integers(0, 2, (*shape, queries, total)).astype(bool)
        bias = np.where(mask, _normal(*mask.shape), -np.inf).astype(np.float32)
        causal, left, right = draw(st.booleans()), *(draw(st.integers(-1, 2)) for _ in range(2))
        scale, softcap = draw(st.sampled_from([None, 0.3])), draw(st.sampled_from([0.0, 2.0]))
        full = np.broadcast_to(mask, (batch, groups * share, queries, total))
        numbers = np.broadcast_to(bias, full.shape)

        def seen(n: int, h: int, i: int, j: int) -> bool:
            place = i + (past if lengths is None else int(lengths[n]) - queries)
            return bool(
                (kind == "none" or full[n, h, i, j])
                and (not causal or j <= place)
                and (left < 0 or j >= place - left)
                and (right < 0 or j <= place + right)
                and (lengths is None or j < lengths[n])
            )

        def added(*place: int) -> float:
            return float(numbers[place]) if kind == "float" else 0.0

        all_k, all_v = (
            x if c is None else np.concatenate([c, x], axis=2)
            for c, x in zip(cache, (k, v), strict=True)
        )
        factor = 1 / math.sqrt(size) if scale is None else scale
        y, weights = attended(q, all_k, all_v, factor, softcap, seen, added)
        attributes: dict[str, Any] = {"qk_matmul_output_mode": 3, "is_causal": causal}
        attributes |= {"left_window_size": left, "right_window_size": right}
        attributes |= {"scale": scale, "softcap": softcap}
        arrays = [q, k, v]
        flat = draw(st.booleans())
        if flat:
            attributes |= {"q_num_heads": groups * share, "kv_num_heads": groups}
            arrays = [x.transpose(0, 2, 1, 3).reshape(batch, x.shape[2], -1) if x.size else
                      np.zeros((batch, x.shape[2], x.shape[1] * x.shape[3]), x.dtype)
                      for x in arrays]  # fmt: skip
            y = y.transpose(0, 2, 1, 3).reshape(batch, queries, groups * share * width)
        inputs = [*arrays, {"none": None, "bool": mask, "float": bias}[kind], *cache, lengths]
        got = outputs(backend, "attention", inputs, **attributes)
        for one, wanted in zip(got, (y, all_k, all_v, weights), strict=True):
            close(one, wanted, ulps=64)

    holds()


@pytest.mark.needs("torch")
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_the_same_as_pytorch(causal: bool, masked: bool) -> None:
    torch = pytest.importorskip("torch")
    q, k, v = _normal(2, 4, 5, 8), _normal(2, 2, 5, 8), _normal(2, 2, 5, 6)
    mask = _normal(5, 5)
    together = np.where(np.tri(5) > 0, mask * masked, -np.inf if causal else mask * masked)
    wanted = torch.nn.functional.scaled_dot_product_attention(
        *map(torch.from_numpy, (q, k, v)),
        attn_mask=torch.from_numpy(together.astype(np.float32)),
        enable_gqa=True,
    )
    given_mask = [mask] if masked else []
    got = ops.scaled_dot_product_attention(q, k, v, *given_mask, is_causal=causal)
    close(got, wanted.numpy(), ulps=32)


def test_the_core_is_the_operator(backend: Backend) -> None:
    q, k, v, mask = _normal(2, 4, 3, 8), _normal(2, 2, 5, 8), _normal(2, 2, 5, 6), _normal(3, 5)
    attributes = {"is_causal": True, "scale": 0.2, "softcap": 3.0}
    (core,) = outputs(backend, "scaled_dot_product_attention", [q, k, v, mask], **attributes)
    whole = outputs(backend, "attention", [q, k, v, mask], **attributes)
    np.testing.assert_array_equal(core, whole[0])


def test_heads_that_share_keys_take_no_copies() -> None:
    shapes = [(1, 8, 5, 16), (1, 2, 7, 16), (1, 2, 7, 16)]
    assert OPS["scaled_dot_product_attention"].multiply_adds(*shapes) == 2 * 8 * 5 * 7 * 16


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("turned", [0, 4])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("placed", [False, True])
def test_rotary_embedding(
    backend: Backend, interleaved: bool, turned: int, flat: bool, placed: bool
) -> None:
    x = _normal(2, 3, 5, 8)
    half = (turned or 8) // 2
    angles = RANDOM.uniform(-3, 3, (9, half) if placed else (2, 5, half))
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    places = RANDOM.integers(0, 9, (2, 5))
    wanted = x.astype(float)
    for n, h, t, pair in np.ndindex(2, 3, 5, half):
        angle = angles[places[n, t], pair] if placed else angles[n, t, pair]
        first, second = (2 * pair, 2 * pair + 1) if interleaved else (pair, pair + half)
        number = complex(x[n, h, t, first], x[n, h, t, second]) * np.exp(1j * angle)
        wanted[n, h, t, first], wanted[n, h, t, second] = number.real, number.imag
    attributes = {"interleaved": interleaved, "rotary_embedding_dim": turned}
    inputs = [x, cos, sin, *([places] if placed else [])]
    if flat:
        inputs[0] = np.ascontiguousarray(x.transpose(0, 2, 1, 3)).reshape(2, 5, 24)
        wanted = wanted.transpose(0, 2, 1, 3).reshape(2, 5, 24)
        attributes["num_heads"] = 3
    close(outputs(backend, "rotary_embedding", inputs, **attributes)[0], wanted)


def test_what_does_not_fit_is_refused() -> None:
    x = np.ones((1, 3, 2, 4))
    with pytest.raises(ShapeError, match=r"3 heads of q .* share no 2 heads of k"):
        ops.scaled_dot_product_attention(x, x[:, :2], x[:, :2])
    with pytest.raises(ShapeError, match=r"differ in size or length"):
        ops.scaled_dot_product_attention(x, x[..., :3], x)
    with pytest.raises(ShapeError, match=r"mask \(3, 2\) does not broadcast to \(1, 3, 2, 2\)"):
        ops.scaled_dot_product_attention(x, x, x, np.ones((3, 2)))
    with pytest.raises(DtypeError, match="attention: got a mask of int64, expected bool"):
        ops.attention(x, x, x, np.ones((2, 2), int))
    with pytest.raises(GraphError, match="got q of three axes without heads"):
        ops.attention(x[0], x[0], x[0])
    with pytest.raises(GraphError, match="one of past_key and past_value"):
        ops.attention(x, x, x, None, x)
    with pytest.raises(GraphError, match="qk_matmul_output_mode=4, expected 0, 1, 2 or 3"):
        ops.attention(x, x, x, qk_matmul_output_mode=4)
    with pytest.raises(ShapeError, match="3 of 4 features cannot be turned in pairs"):
        ops.rotary_embedding(x, x, x, rotary_embedding_dim=3)
