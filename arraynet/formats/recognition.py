"""What a file is, whatever it is called, and what helps who has it instead of another.

One table for weights and images alike. Only the first bytes are looked at, and nothing is
believed because of it: each reader still checks its own format.
"""

from __future__ import annotations

import os
import re
import zlib
from dataclasses import dataclass

HEAD = 1024
"""How many of a file's first bytes `recognize` can use."""

TORCH = "in PyTorch: safetensors.torch.save_file(model.state_dict(), 'model.safetensors')"
KERAS = "in Keras: numpy.savez('model.npz', **{w.path: w.numpy() for w in model.weights})"
SKLEARN = (
    "in scikit-learn: numpy.savez('model.npz', W1=model.coefs_[0], b1=model.intercepts_[0], "
    "W2=model.coefs_[1], b2=model.intercepts_[1])"
)
JOBLIB = "in Python, if you trust it: numpy.savez('model.npz', …) of what joblib.load(path) gives"
SAVEZ = "save the weights as arrays: numpy.savez('model.npz', W1=…, b1=…, W2=…, b2=…)"
IMAGE = "it holds a picture, not weights"
UNPACK = "unpack it first"


@dataclass(frozen=True, slots=True)
class Recognized:
    """What a file is.

    Parameters
    ----------
    kind : str
        A word for it, such as "pickle", "png" or "html".
    what : str
        The same for a message: "a PNG image".
    advice : str
        The one line that helps who expected something else there; may be empty.
    """

    kind: str
    what: str
    advice: str = ""


def _kind(kind: str, what: str, start: bytes, suffixes: str = "", advice: str = "") -> _Kind:
    return _Kind(Recognized(kind, what, advice), re.compile(start, re.DOTALL), suffixes.split())


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of file: how its first bytes look, and what it is called where those say nothing."""

    recognized: Recognized
    start: re.Pattern[bytes]
    suffixes: list[str]


_NEVER = rb"(?!)"  # nothing at the start tells these: their names do

KINDS = (
    # Before all others: its length, which comes first, may look like anything.
    _kind("safetensors", "a safetensors file", rb'.{4}\0{4}\{[\s"}]'),
    _kind(
        "lfs", "a Git LFS pointer", rb"version https://git-lfs", "",
        "fetch the file that it stands for: git lfs pull",
    ),
    _kind("svg", "an SVG image", rb"(?i)\s*(?:<\?xml[^>]*>\s*)?<svg", ".svg", IMAGE),
    _kind(
        "html", "a web page (HTML)", rb"(?i)(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body)",
        ".html .htm", "download the file itself (on GitHub: its Raw button)",
    ),
    _kind("xml", "an XML file", rb"(?:\xef\xbb\xbf)?\s*<\?xml", ".xml"),
    _kind(
        "torch", "a PyTorch file",
        rb"PK\x03\x04.{26}[^/\0]{1,200}/(?:data\.pkl|\.format_version|byteorder|constants\.pkl)"
        rb"|\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19",
        ".pt .pth .ckpt .bin", TORCH,
    ),
    _kind("keras", "a Keras model", rb"PK\x03\x04.{26}(?:metadata|config)\.json", ".keras", KERAS),
    _kind("npz", "a NumPy archive (npz)", rb"PK\x03\x04.{26}[^\0]{0,600}?\.npy|PK\x05\x06"),
    _kind("zip", "a zip archive", rb"PK\x03\x04", ".zip", UNPACK),
    _kind(
        "mnist", "the book's MNIST images and labels, pickled (mnist.pkl)",
        rb"[\x80(}].{0,40}(?:train|test)_(?:img|label)[\Wq]", "",
        "the book's weights are in its file sample_weight.pkl; arraynet fetch mnist brings images",
    ),
    _kind(
        "scikit-learn", "a model of scikit-learn", rb"[\x80(c].{0,900}?sklearn\.", "", SKLEARN
    ),
    _kind(
        "joblib", "a file of joblib",
        rb"[\x80(c].{0,900}?joblib\.numpy_pickle|x[\x01\x5e\x9c\xda]", ".joblib .z", JOBLIB,
    ),
    _kind(
        "text pickle", "a pickle with the line ends of a text file (CRLF)",
        rb"\([dl]p?[0-9]*\r\n|[\x80(c}\]].{0,200}?c[a-z_]+(?:\.[a-z_]+)*\r\n", "",
        "write it again with open(path, 'wb')",
    ),
    _kind("pickle", "a pickle", rb"\x80[\0-\x05]|\([dl]p?[0-9]*\n|[\]}][q(.]", ".pkl .pickle"),
    _kind(
        "npy", "one NumPy array (npy)", rb"\x93NUMPY", ".npy",
        "weights are several arrays with names: numpy.savez('model.npz', W1=…, b1=…)",
    ),
    _kind("hdf5", "an HDF5 file", rb"\x89HDF\r\n\x1a\n", ".h5 .hdf5", KERAS),
    _kind(
        "onnx", "an ONNX model", rb"\x08[\x01-\x20]\x12.{1,40}[\x1a\x22\x3a]", ".onnx", SAVEZ
    ),
    _kind("tflite", "a TensorFlow Lite model", rb".{4}TFL3", ".tflite", SAVEZ),
    _kind("tensorflow", "a TensorFlow model", _NEVER, ".pb .index", KERAS),
    _kind("gguf", "a GGUF model", rb"GGUF", ".gguf", SAVEZ),
    _kind("matlab", "a MATLAB file", rb"MATLAB [0-9.]+ MAT-file", ".mat", SAVEZ),
    _kind("parquet", "a Parquet table", rb"PAR1", ".parquet", SAVEZ),
    _kind("tar", "a tar archive", rb".{257}ustar", ".tar .tgz", UNPACK),
    _kind("gzip", "a gzip file", rb"\x1f\x8b", ".gz", UNPACK),
    _kind("bzip2", "a bzip2 file", rb"BZh[1-9]1AY", ".bz2", UNPACK),
    _kind("xz", "an xz file", rb"\xfd7zXZ\0", ".xz", UNPACK),
    _kind("zstd", "a Zstandard file", rb"\x28\xb5\x2f\xfd", ".zst", UNPACK),
    _kind("7z", "a 7z archive", rb"7z\xbc\xaf\x27\x1c", ".7z", UNPACK),
    _kind("rar", "a RAR archive", rb"Rar!\x1a\x07", ".rar", UNPACK),
    _kind("png", "a PNG image", rb"\x89PNG", ".png", IMAGE),
    _kind("jpeg", "a JPEG image", rb"\xff\xd8\xff", ".jpg .jpeg", IMAGE),
    _kind("gif", "a GIF image", rb"GIF8[79]a", ".gif", IMAGE),
    _kind("bmp", "a BMP image", rb"BM.{4}\0\0\0\0", ".bmp", IMAGE),
    _kind("tiff", "a TIFF image", rb"II\*\0|MM\0\*", ".tif .tiff", IMAGE),
    _kind("webp", "a WebP image", rb"RIFF.{4}WEBP", ".webp", IMAGE),
    _kind("heif", "an HEIF or AVIF image", rb".{4}ftyp(?:he|mif|msf|av)", ".heic .avif", IMAGE),
    _kind("pnm", "a PNM image", rb"P[1-6]\s+[0-9#]", ".pgm .ppm .pbm", IMAGE),
    _kind("labels", "IDX labels", rb"\0\0\x08\x01", "", "the images are in another file"),
    _kind("idx", "an IDX file of arrays", rb"\0\0[\x08\x09\x0b-\x0e][\x01-\x20]"),
    _kind("pdf", "a PDF", rb"%PDF-", ".pdf"),
    _kind("json", "JSON text", rb'(?:\xef\xbb\xbf)?\s*[\[{]\s*["\[{0-9-]', ".json", SAVEZ),
    _kind(
        "csv", "a table of text (CSV)", rb'(?:\xef\xbb\xbf)?"?[\w. -]+"?(?:[,;]"?[\w. -]*"?){2}',
        ".csv", "read it with numpy.loadtxt(path, delimiter=',')",
    ),
)  # fmt: skip

MODULES = {
    "torch": TORCH,
    "keras": KERAS,
    "tensorflow": KERAS,
    "sklearn": SKLEARN,
    "joblib": JOBLIB,
    "jax": SAVEZ,
    "jaxlib": SAVEZ,
    "pandas": "save plain arrays: frame.to_numpy()",
    "cupy": "save arrays of NumPy: cupy.asnumpy(array)",
}
"""What helps whose pickle names something of a package."""


def recognize(head: bytes, name: str) -> Recognized | None:
    """Return what a file is, by its first bytes, else by its name, or None.

    Parameters
    ----------
    head : bytes
        The first `HEAD` bytes of the file, or all of a shorter one.
    name : str
        Its path; only the suffix counts.

    Examples
    --------
    >>> recognize(b"version https://git-lfs.github.com/spec/v1", "weights.npz").advice
    'fetch the file that it stands for: git lfs pull'
    """
    for kind in KINDS:
        if kind.start.match(head):
            return _with_inside(kind.recognized, head)
    suffix = os.path.splitext(name)[1].lower()
    for kind in KINDS:
        if suffix in kind.suffixes:
            found = kind.recognized
            return Recognized(found.kind, f"{found.what}, by its name", found.advice)
    return None


def _with_inside(found: Recognized, head: bytes) -> Recognized:
    """Say what is inside of a gzip file, as far as its beginning tells."""
    if found.kind != "gzip":
        return found
    try:
        inside = recognize(zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, HEAD), "")
    except zlib.error:
        return found
    return (
        Recognized("gzip", f"{found.what} with {inside.what} inside", UNPACK) if inside else found
    )
