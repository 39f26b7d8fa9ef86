"""Graphs of dependencies."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery.utils.graph import CycleError, DependencyGraph, GraphFormatter


@pytest.fixture
def graph() -> DependencyGraph[str]:
    return DependencyGraph([("a", ["b", "d"]), ("b", ["c"]), ("c", []), ("d", [])])


class TestDependencyGraph:
    def test_contents(self, graph: DependencyGraph[str]) -> None:
        assert list(graph) == ["a", "b", "c", "d"]
        assert graph["a"] == ["b", "d"]
        assert "a" in graph
        assert len(graph) == 4
        assert list(graph.edges()) == ["a", "b"]
        assert [graph.valency_of(node) for node in graph] == [3, 1, 0, 0]
        assert repr(graph).startswith("a(3)\n     b(1)\n          c(0)\n     d(0)\nb(1)")

    def test_order(self, graph: DependencyGraph[str]) -> None:
        assert graph.topsort() == ["c", "b", "d", "a"]
        diamond = DependencyGraph([("p", []), ("q", ["p"]), ("r", ["p"]), ("s", ["q", "r"])])
        assert diamond.topsort() == ["p", "q", "r", "s"]

    def test_circle(self, graph: DependencyGraph[str]) -> None:
        graph.add_edge("c", "a")
        with pytest.raises(CycleError, match="a -> b -> c -> a"):
            graph.topsort()

    def test_changes(self, graph: DependencyGraph[str]) -> None:
        graph.add_edge("c", "d")
        graph.add_edge("c", "d")
        graph.add_arc("c")
        assert graph["c"] == ["d"]
        graph.connect(DependencyGraph([("x", ["y"]), ("y", [])]))
        assert graph["x"] == ["y"]
        assert dict(DependencyGraph(graph).items()) == dict(graph.items())
        with pytest.raises(KeyError):
            graph.add_edge("nothing", "a")

    @given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60))
    def test_each_after_what_it_needs(self, pairs: list[tuple[int, int]]) -> None:
        graph = DependencyGraph([(n, []) for n in range(31)])
        for a, b in pairs:
            if a != b:
                graph.add_edge(max(a, b), min(a, b))
        order = graph.topsort()
        assert sorted(order) == list(range(31))
        place = {node: index for index, node in enumerate(order)}
        assert all(place[b] < place[a] for a, others in graph.items() for b in others)

    def test_deep_ones_cost_no_recursion(self) -> None:
        graph = DependencyGraph([(n, [n + 1]) for n in range(5000)] + [(5000, [])])
        assert graph.topsort() == list(range(5000, -1, -1))


class TestDrawing:
    def test_to_dot(self) -> None:
        class Bare(GraphFormatter):
            scheme = node_scheme = edge_scheme = term_scheme = {}
            graph_scheme = {}

            def label(self, obj: object) -> str:
                return f"<{obj}>"

        out = io.StringIO()
        DependencyGraph([("a", ["b"]), ("b", [])]).to_dot(out, Bare(root="r"))
        assert out.getvalue() == (
            "digraph dependencies {\n"
            '    graph [root="<r>"]\n'
            '    "<a>" []\n'
            '    "<a>" -> "<b>" []\n'
            '    "<b>" []\n'
            "}\n"
        )

    def test_formatter(self) -> None:
        draw = GraphFormatter(type="graph", id="ID", indent=1, inw="  ", shape="circle")
        assert draw.head(bgcolor="red").startswith('  graph ID {\n    graph [shape="circle"')
        assert draw.tail() == "  }"
        assert draw.edge("a", "b", color="blue").startswith('    "a" -- "b" [shape="circle"')
        assert 'color="blue"' in draw.edge("a", "b", color="blue")
        assert 'fillcolor="palegreen1"' in draw.terminal_node("t")
        assert DependencyGraph(formatter=draw).format("x") == "x"
