"""Dense layers in the parts that a program fuses."""

from __future__ import annotations

from arraynet.graph import Graph, Node
from arraynet.ops import OPS


def split_affine(graph: Graph) -> Graph:
    """Write each affine layer as a product and a sum, so that the sum can be fused.

    ``affine(x, W, b) = matmul(x, W) + b``. This pass prepares a graph for a program
    and is no saving by itself.
    """
    nodes: list[Node] = []
    for node in graph.nodes:
        parts = OPS[node.op].parts
        if parts is None:
            nodes.append(node)
            continue
        product, total = parts
        name = graph.free_name(f"{node.name}/{product}")
        nodes.append(Node(product, node.inputs[:2], (name,)))
        nodes.append(Node(total, (name, *node.inputs[2:]), node.outputs))
    return graph.rewritten(nodes, graph.weights)
