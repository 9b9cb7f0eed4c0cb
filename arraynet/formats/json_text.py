"""JSON from strangers: small, shallow, without duplicate keys or NaN."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from arraynet.errors import ArraynetError, LoadError, clipped, shortened
from arraynet.formats.limits import Limits


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
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant)
        if _is_deep(value, limits):
            raise ValueError(f"JSON nested more than {limits.depth} deep (Limits.depth)")
        if "\\ud" in text.lower():  # halves of surrogate pairs are no text
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except (ValueError, RecursionError) as error:
        raise LoadError(file, clipped(str(error), 200), "well-formed JSON", member=member) from None


def json_bytes(value: Mapping[str, Any], limits: Limits, multiple: int = 1) -> bytes:
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
    if _is_deep(value, limits):
        raise ArraynetError(
            f"names and metadata: got JSON nested more than {limits.depth} deep, expected less, "
            f"which is what is read again (Limits.depth)"
        )
    data += b" " * (-len(data) % multiple)
    if len(data) > limits.header_bytes:
        raise ArraynetError(
            f"names and metadata: got {len(data)} bytes of JSON, expected at most "
            f"{limits.header_bytes}, which is what is read again (Limits.header_bytes)"
        )
    return data


def _is_deep(value: Any, limits: Limits) -> bool:
    """Return whether lists and objects nest too deep."""
    level, depth = [value], 0
    while inner := [part for part in level if isinstance(part, dict | list)]:
        depth += 1
        if depth > limits.depth:
            return True
        level = [x for part in inner for x in (part.values() if type(part) is dict else part)]
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"the key {shortened(max(counts, key=lambda key: counts[key]))} twice")
    return result


def _constant(name: str) -> Any:
    raise ValueError(f"{name}, which is not JSON")
