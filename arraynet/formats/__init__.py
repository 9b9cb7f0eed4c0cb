"""Files of tensors and graphs. Nothing that a file says is run or trusted.

Reading gives NumPy arrays on the host, or `arraynet.LoadError`.
"""

from __future__ import annotations

from arraynet.formats.contents import Contents, TensorInfo
from arraynet.formats.limits import Limits
from arraynet.formats.reading import read
from arraynet.formats.writing import write

__all__ = ["Contents", "Limits", "TensorInfo", "read", "write"]
