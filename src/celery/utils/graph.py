"""Graphs of what depends on what: sorting them, and drawing them in Graphviz's dot language."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import IO, Any, Final, Generic, TypeVar

__all__ = ("DOT", "CycleError", "DependencyGraph", "GraphFormatter")

N = TypeVar("N", bound=Hashable)


class DOT:
    """Words and marks of the dot language."""

    HEAD: Final = "{IN}{type} {id} {{\n{INp}graph [{attrs}]"
    ATTR: Final = '{name}="{value}"'
    NODE: Final = '{INp}"{0}" [{attrs}]'
    EDGE: Final = '{INp}"{0}" {dir} "{1}" [{attrs}]'
    ATTRSEP: Final = ", "
    DIRS: Final = {"graph": "--", "digraph": "->"}
    TAIL: Final = "{IN}}}"


class CycleError(Exception):
    """Things depend on each other in a circle."""


class DependencyGraph(Generic[N]):
    """A directed graph: an edge from a node to each node it depends on.

    >>> graph = DependencyGraph([("server", ["socket", "log"]), ("socket", ["log"]), ("log", [])])
    >>> graph.topsort()
    ['log', 'socket', 'server']

    Args:
        it: Nodes with what they depend on, as pairs or another graph.
        formatter: Draws the graph.
    """

    def __init__(
        self,
        it: "Iterable[tuple[N, Iterable[N]]] | DependencyGraph[N] | None" = None,
        formatter: "GraphFormatter | None" = None,
    ) -> None:
        self.formatter = formatter or GraphFormatter()
        self.adjacent: dict[N, list[N]] = {}
        if it is not None:
            self.update(it)

    def add_arc(self, obj: N) -> None:
        """Add a node, unless it is there already."""
        self.adjacent.setdefault(obj, [])

    def add_edge(self, A: N, B: N) -> None:  # documented names
        """Have `A`, a node of the graph, depend on `B`.

        Raises:
            KeyError: `A` is not a node.
        """
        if B not in self.adjacent[A]:
            self.adjacent[A].append(B)

    def update(self, it: "Iterable[tuple[N, Iterable[N]]] | DependencyGraph[N]") -> None:
        """Add nodes with what they depend on."""
        pairs = list(it.items() if isinstance(it, DependencyGraph) else it)
        for node, _ in pairs:
            self.add_arc(node)
        for node, others in pairs:
            for other in others:
                self.add_edge(node, other)

    def connect(self, graph: "DependencyGraph[N]") -> None:
        """Add the nodes of another graph, replacing those of the same name."""
        self.adjacent.update(graph.adjacent)

    def topsort(self) -> list[N]:
        """Return the nodes such that each comes after all it depends on.

        Nodes that do not depend on each other keep the order in which they were added.

        Raises:
            CycleError: There is no such order.
        """
        done: dict[N, bool] = {}  # in the order wanted; False while what it needs is looked at
        ordered: list[N] = []
        for root in self:
            stack: list[tuple[N, Iterator[N]]] = []
            self._enter(root, stack, done)
            while stack:
                node, needed = stack[-1]
                for other in needed:
                    if other not in done:
                        self._enter(other, stack, done)
                        break
                    if not done[other]:
                        raise CycleError(_describe([item for item, _ in stack], other))
                else:
                    stack.pop()
                    done[node] = True
                    ordered.append(node)
        return ordered

    def _enter(self, node: N, stack: list[tuple[N, Iterator[N]]], done: dict[N, bool]) -> None:
        """Begin to look at what a node needs, unless that has been done."""
        if node not in done:
            done[node] = False
            stack.append((node, iter(self.adjacent.get(node, ()))))

    def valency_of(self, obj: N) -> int:
        """Return how many edges can be gone along, starting at a node."""
        return self._count_edges(obj, frozenset())

    def _count_edges(self, node: N, path: frozenset[N]) -> int:
        if node in path:
            return 0
        others = self.adjacent[node]
        return len(others) + sum(self._count_edges(other, path | {node}) for other in others)

    def edges(self) -> Iterator[N]:
        """Yield the nodes that depend on others."""
        return (node for node, others in self.adjacent.items() if others)

    def items(self) -> Iterator[tuple[N, list[N]]]:
        """Yield the nodes with what they depend on."""
        return iter(self.adjacent.items())

    iteritems = items

    def format(self, obj: N) -> Any:
        """Return what a node is called in a drawing."""
        return self.formatter.label(obj)

    def to_dot(self, fh: IO[str], formatter: "GraphFormatter | None" = None) -> None:
        """Write the graph to a file, in the dot language."""
        draw = formatter or self.formatter
        lines = [draw.head()]
        for node, others in self.items():
            if not others:
                lines.append(draw.terminal_node(node))
                continue
            lines.append(draw.node(node))
            lines.extend(draw.edge(node, other) for other in others)
        lines.append(draw.tail())
        fh.write("".join(f"{line}\n" for line in lines))

    def repr_node(self, obj: N, level: int = 1, fmt: str = "{0}({1})") -> str:
        """Return a node and all below it, indented, each with its valency."""
        lines = [fmt.format(obj, self.valency_of(obj))]
        for other in self.adjacent[obj]:
            lines.append("     " * level + fmt.format(other, self.valency_of(other)))
            lines.extend(self.repr_node(other, level + 1, fmt).split("\n")[1:])
        return "\n".join(lines)

    def __contains__(self, obj: object) -> bool:
        return obj in self.adjacent

    def __getitem__(self, node: N) -> list[N]:
        return self.adjacent[node]

    def __iter__(self) -> Iterator[N]:
        return iter(self.adjacent)

    def __len__(self) -> int:
        return len(self.adjacent)

    def __repr__(self) -> str:
        return "\n".join(self.repr_node(node) for node in self)


def _describe(path: list[Any], back_to: Any) -> str:
    circle = [*path[path.index(back_to) :], back_to]
    return "These depend on each other in a circle: " + " -> ".join(map(str, circle))


class GraphFormatter:
    """Draws the parts of a graph in the dot language; subclasses choose labels and colours.

    Args:
        root: What the graph hangs from; named in its attributes.
        type: ``"digraph"`` or ``"graph"``.
        id: Name of the graph.
        indent: How far to indent it, in steps.
        inw: One step of indentation.
        **scheme: Attributes of every part.
    """

    scheme: Mapping[str, Any] = {
        "shape": "box",
        "arrowhead": "vee",
        "style": "filled",
        "fontname": "HelveticaNeue",
    }
    edge_scheme: Mapping[str, Any] = {
        "color": "darkseagreen4",
        "arrowcolor": "black",
        "arrowsize": 0.7,
    }
    node_scheme: Mapping[str, Any] = {"fillcolor": "palegreen3", "color": "palegreen4"}
    term_scheme: Mapping[str, Any] = {"fillcolor": "palegreen1", "color": "palegreen2"}
    graph_scheme: Mapping[str, Any] = {"bgcolor": "mintcream"}

    def __init__(
        self,
        root: Any = None,
        type: str | None = None,
        id: str | None = None,
        indent: int = 0,
        inw: str = " " * 4,
        **scheme: Any,
    ) -> None:
        self.id = id or "dependencies"
        self.root = root
        self.type = type or "digraph"
        self.direction = DOT.DIRS[self.type]
        self.IN = inw * indent
        self.INp = self.IN + inw
        self.scheme = {**self.scheme, **scheme}
        self.graph_scheme = {**self.graph_scheme, "root": self.label(root)}

    def label(self, obj: Any) -> Any:
        """Return what a node is called."""
        return obj

    def attr(self, name: str, value: Any) -> str:
        """Return one attribute."""
        return DOT.ATTR.format(name=name, value=value)

    def attrs(self, d: Mapping[str, Any] | None, scheme: Mapping[str, Any] | None = None) -> str:
        """Return attributes: those of every part, of the kind of part, and of this one."""
        merged = {**self.scheme, **(scheme or {}), **(d or {})}
        return DOT.ATTRSEP.join(self.attr(name, value) for name, value in merged.items())

    def head(self, **attrs: Any) -> str:
        """Return the beginning of the graph."""
        drawn = self.attrs(attrs, self.graph_scheme)
        return self._fill(DOT.HEAD, id=self.id, type=self.type, attrs=drawn)

    def tail(self) -> str:
        """Return the end of the graph."""
        return self._fill(DOT.TAIL)

    def node(self, obj: Any, **attrs: Any) -> str:
        """Return a node."""
        return self.draw_node(obj, self.node_scheme, attrs)

    def terminal_node(self, obj: Any, **attrs: Any) -> str:
        """Return a node that depends on no other."""
        return self.draw_node(obj, self.term_scheme, attrs)

    def edge(self, a: Any, b: Any, **attrs: Any) -> str:
        """Return an edge from `a` to `b`."""
        return self.draw_edge(a, b, attrs=attrs)

    def draw_node(
        self,
        obj: Any,
        scheme: Mapping[str, Any] | None = None,
        attrs: Mapping[str, Any] | None = None,
    ) -> str:
        """Return a node in the given colours."""
        return self._fill(DOT.NODE, self.label(obj), attrs=self.attrs(attrs, scheme))

    def draw_edge(
        self,
        a: Any,
        b: Any,
        scheme: Mapping[str, Any] | None = None,
        attrs: Mapping[str, Any] | None = None,
    ) -> str:
        """Return an edge in the given colours."""
        drawn = self.attrs(attrs, scheme or self.edge_scheme)
        return self._fill(DOT.EDGE, self.label(a), self.label(b), dir=self.direction, attrs=drawn)

    def _fill(self, template: str, *args: Any, **fields: Any) -> str:
        return template.format(*args, IN=self.IN, INp=self.INp, **fields)
