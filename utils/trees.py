"""What is a part of what: the parents that a file names, made a tree that may be stored."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

LEVELS_MAX = 5  # of tasks and their subtasks
TOO_DEEP = f"lies deeper than {LEVELS_MAX} levels; it is one of the lowest level now"

N = TypeVar("N", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Tree(Generic[N]):
    """The parent of every node, None for those at the top, and its level, from 1.

    `circular` nodes were parts of themselves and are at the top now. `raised` ones lay too deep
    and belong to the deepest of their ancestors that may have them.
    """

    parents: dict[N, N | None]
    levels: dict[N, int] = field(default_factory=dict)
    circular: set[N] = field(default_factory=set)
    raised: set[N] = field(default_factory=set)


def tree_of(parents: dict[N, N | None]) -> Tree[N]:
    """Return the tree of nodes whose parents are nodes too."""
    tree = Tree(dict(parents))
    for node in parents:
        for each in reversed(_way_up(tree, node)):
            _place(tree, each)
    return tree


def _way_up(tree: Tree[N], node: N) -> list[N]:
    """Return a node and its ancestors as far as they have no level yet; a circle is cut."""
    way: dict[N, None] = {}
    at: N | None = node
    while at is not None and at not in tree.levels and at not in way:
        way[at] = None
        at = tree.parents[at]
    nodes = list(way)
    if at is not None and at in way:
        circle = nodes[nodes.index(at) :]
        tree.circular.update(circle)
        tree.parents.update(dict.fromkeys(circle))
    return nodes


def _place(tree: Tree[N], node: N) -> None:
    """Give a node its level; that of its parent is known."""
    parent = tree.parents[node]
    if parent is None:
        tree.levels[node] = 1
    elif tree.levels[parent] < LEVELS_MAX:
        tree.levels[node] = tree.levels[parent] + 1
    else:
        tree.raised.add(node)
        tree.levels[node] = LEVELS_MAX
        tree.parents[node] = tree.parents[parent]
