"""What is a part of what: the parents that a file names, made a tree that may be stored."""

from dataclasses import dataclass, field

LEVELS_MAX = 5  # of tasks and their subtasks


@dataclass(frozen=True, slots=True)
class Tree:
    """The parent of every node, None for those at the top, and its level, from 1.

    `circular` nodes were parts of themselves and are at the top now. `raised` ones lay too deep
    and belong to the deepest of their ancestors that may have them.
    """

    parents: dict[int, int | None]
    levels: dict[int, int] = field(default_factory=dict)
    circular: set[int] = field(default_factory=set)
    raised: set[int] = field(default_factory=set)


def tree_of(parents: dict[int, int | None]) -> Tree:
    """Return the tree of nodes whose parents are nodes too."""
    tree = Tree(dict(parents))
    for node in parents:
        for each in reversed(_way_up(tree, node)):
            _place(tree, each)
    return tree


def _way_up(tree: Tree, node: int) -> list[int]:
    """Return a node and its ancestors as far as they have no level yet; a circle is cut."""
    way: dict[int, None] = {}
    at: int | None = node
    while at is not None and at not in tree.levels and at not in way:
        way[at] = None
        at = tree.parents[at]
    nodes = list(way)
    if at is not None and at in way:
        circle = nodes[nodes.index(at) :]
        tree.circular.update(circle)
        tree.parents.update(dict.fromkeys(circle))
    return nodes


def _place(tree: Tree, node: int) -> None:
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
