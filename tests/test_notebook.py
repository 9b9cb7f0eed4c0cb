"""A notebook is executed: networks and evaluations show themselves as HTML, figures as PNG."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")

CELLS = (
    "import arraynet\n"
    "net = arraynet.load_pretrained('digits')\n"
    "_, (x, t) = arraynet.datasets.load_digits()",
    "net",
    "net.evaluate(x, t)",
    "net.summary()",
)


def execute(*cells: str) -> list[dict[str, Any]]:
    """Run cells in a fresh kernel; return what the value of each shows, by MIME type."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    )
    client.execute()
    nbformat.validate(notebook)
    shown: list[dict[str, Any]] = []
    for cell in notebook.cells:
        assert [o for o in cell.outputs if o.output_type == "stream"] == []
        values = [output.data for output in cell.outputs if output.output_type == "execute_result"]
        shown.append(values[0] if values else {})
    return shown


@pytest.fixture(scope="module")
def shown() -> list[dict[str, Any]]:
    return execute(*CELLS)


def table(data: dict[str, Any]) -> ElementTree.Element:
    """Return the HTML of a value, which is one well-formed table."""
    root = ElementTree.fromstring(data["text/html"])
    assert root.tag == "table"
    return root


def rows(root: ElementTree.Element) -> list[list[str]]:
    return [[cell.text or "" for cell in row.iter("td")] for row in root.iter("tr")][1:]


@pytest.mark.parametrize("cell", [1, 3])
def test_a_network_shows_its_summary(shown: list[dict[str, Any]], cell: int) -> None:
    root = table(shown[cell])
    found = rows(root)
    assert [row[1] for row in found] == [
        *("affine", "sigmoid", "affine", "sigmoid", "affine", "softmax", ""),
    ]
    # 64·50 + 50, 50·100 + 100, 100·10 + 10
    assert [row[3] for row in found if row[3] != "0"] == ["3,250", "5,100", "1,010", "9,360"]
    assert "(batch, 64) float32 on cpu" in (root.findtext("caption") or "")


def test_an_evaluation_shows_its_accuracy_and_confusion_matrix(shown: list[dict[str, Any]]) -> None:
    root = table(shown[2])
    counts = [[int(cell) for cell in row] for row in rows(root)]
    assert [len(row) for row in counts] == [10] * 10
    right = sum(counts[label][label] for label in range(10))
    assert sum(map(sum, counts)) == 355
    assert f"accuracy {100 * right / 355:.2f} % ({right} of 355 right)" in (
        root.findtext("caption") or ""
    )


def test_there_is_text_where_html_is_not_shown(shown: list[dict[str, Any]]) -> None:
    assert shown[1]["text/plain"] == "<arraynet network 64 → 50 → 100 → 10, float32 on cpu>"
    assert "accuracy=0.98" in shown[2]["text/plain"]


def test_a_figure_shows_itself() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    *_, picture = execute(
        "%matplotlib inline", "from arraynet import plots", "plots.activations().get_figure()"
    )
    assert base64.b64decode(picture["image/png"]).startswith(b"\x89PNG")
