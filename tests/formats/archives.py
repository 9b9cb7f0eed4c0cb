"""Arrays and archives in NumPy's formats, put together byte by byte, right or wrong."""

from __future__ import annotations

import struct
import zlib
from typing import Any


def shape_of(*sizes: int, descr: str = "|u1") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {sizes!r}, }}"


def npy(
    header: str = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
    data: bytes = b"\0" * 8,
    version: bytes = b"\1\0",
    length: int | None = None,
) -> bytes:
    text = header.encode("latin-1") + b"\n"
    size = len(text) if length is None else length
    packed = size.to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + version + packed + text + data


def archive(members: list[tuple[str, bytes]], *, method: int = 0, **changed: Any) -> bytes:
    """Return a zip archive of which one field or another may be false."""
    body, directory = bytearray(), bytearray()
    for name, data in members:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        stored = packer.compress(data) + packer.flush() if method == 8 else data
        encoded = name.encode()
        fields = {
            "needed": 20, "flags": 0x800, "method": method, "crc": zlib.crc32(data),
            "packed": len(stored), "size": len(data), "disk": 0, "offset": len(body),
            "extra": b"", "local_extra": b"",
        } | changed  # fmt: skip
        common = (fields["needed"], fields["flags"], fields["method"], 0, 33, fields["crc"],
                  fields["packed"], fields["size"], len(encoded))  # fmt: skip
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 20, *common, len(fields["extra"]), 0, fields["disk"], 0, 0,
            fields["offset"],
        ) + encoded + fields["extra"]  # fmt: skip
        local = fields.get("local", common)
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *local, len(fields["local_extra"]))
        body += encoded + fields["local_extra"] + stored
    count = changed.get("count", len(members))
    end = struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, count, count, changed.get("directory", len(directory)),
        changed.get("start", len(body)), changed.get("comment", 0),
    )  # fmt: skip
    return bytes(body) + changed.get("between", b"") + directory + end + changed.get("after", b"")
