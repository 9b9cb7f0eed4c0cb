"""JSON from strangers: small, shallow, without duplicate keys or NaN."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from arraynet.errors import ArraynetError, LoadError, clipped, shortened
from arraynet.formats.limits import Limits, check_budget


def parse_json(data: bytes | str, limits: Limits, file: str, member: str) -> Any:
    """Parse JSON that keeps to ``header_bytes`` and ``depth``; LoadError for anything else."""
    found = f"{len(data)} bytes of JSON"
    check_budget(limits, "header_bytes", len(data), found, file, member)
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
    """Return JSON that `parse_json` reads under the limits, or raise ArraynetError.

    Spaces fill it up to a multiple of so many bytes.
    """
    text, found = json.dumps(value, separators=(",", ":"), ensure_ascii=False), ""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        found = f"half a character ({error}), expected text"
    else:
        data += b" " * (-len(data) % multiple)
        if _is_deep(value, limits):
            found = (
                f"JSON nested more than {limits.depth} deep, expected less, "
                f"which is what is read again (Limits.depth)"
            )
        elif len(data) > limits.header_bytes:
            found = (
                f"{len(data)} bytes of JSON, expected at most {limits.header_bytes}, "
                f"which is what is read again (Limits.header_bytes)"
            )
    if found:
        raise ArraynetError(f"names and metadata: got {found}")
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
        raise ValueError(f"the key {shortened(max(counts, key=counts.__getitem__))} twice")
    return result


def _constant(name: str) -> Any:
    raise ValueError(f"{name}, which is not JSON")
