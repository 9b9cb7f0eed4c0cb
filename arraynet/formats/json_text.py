"""JSON from strangers: small, shallow, without duplicate keys, NaN or huge numbers."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from arraynet.errors import ArraynetError, LoadError
from arraynet.formats.limits import Limits
from arraynet.formats.stored import clipped

# A string that never ends is one too: otherwise each quote in it would be tried.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


def parse_json(data: bytes | str, limits: Limits, file: str, member: str) -> Any:
    """Parse JSON that keeps to ``header_bytes`` and ``depth``.

    Raises
    ------
    LoadError
        For anything else.
    """
    if len(data) > limits.header_bytes:
        raise LoadError(
            file,
            f"{len(data)} bytes of JSON",
            f"at most {limits.header_bytes} (Limits.header_bytes)",
            member=member,
        )
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        depth = _depth(text)
        if depth > limits.depth:
            raise LoadError(
                file,
                f"JSON nested {depth} deep",
                f"at most {limits.depth} (Limits.depth)",
                member=member,
            )
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_constant,
        )
        if "\\ud" in text.lower():  # halves of surrogate pairs are no text
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except LoadError:
        raise
    except ValueError as error:
        raise LoadError(file, clipped(str(error), 200), "well-formed JSON", member=member) from None


def header_bytes(value: Mapping[str, Any], limits: Limits, multiple: int = 1) -> bytes:
    """Return JSON that `parse_json` reads under the limits.

    Spaces fill it up to a multiple of so many bytes.

    Raises
    ------
    ArraynetError
        When it is longer or nests deeper than those allow, or holds what is no text.
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise ArraynetError(
            f"names and metadata: got half a character ({error}), expected text"
        ) from error
    data += b" " * (-len(data) % multiple)
    most = limits.header_bytes
    depth = _depth(text)
    if depth > limits.depth:
        raise ArraynetError(
            f"names and metadata: got JSON nested {depth} deep, expected at most {limits.depth}, "
            f"which is what is read again (Limits.depth)"
        )
    if len(data) > most:
        raise ArraynetError(
            f"names and metadata: got {len(data)} bytes of JSON, expected at most {most}, which "
            f"is what is read again (Limits.header_bytes)"
        )
    return data


def _depth(text: str) -> int:
    """Return how deep the brackets nest: parsing itself may not be able to tell."""
    deepest = depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"the key {clipped(max(counts, key=lambda key: counts[key]))} twice")
    return result


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError(f"an integer of {len(digits)} digits")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{clipped(text, 20)}, which is beyond every float")
    return number


def _constant(name: str) -> Any:
    raise ValueError(f"{name}, which is not JSON")
