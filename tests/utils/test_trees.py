"""Trees: no circles, and no deeper than allowed."""

from hypothesis import given
from hypothesis import strategies as st

from utils.trees import LEVELS_MAX, Tree, tree_of


def chain(length: int) -> dict[int, int | None]:
    """Return nodes each of which is a part of the one before."""
    return {node: node - 1 if node > 1 else None for node in range(1, length + 1)}


def test_parents_stay_as_they_are_and_levels_count_from_one() -> None:
    parents: dict[int, int | None] = {3: 2, 2: 1, 1: None, 4: 1}
    assert tree_of(parents) == Tree(parents, {1: 1, 2: 2, 3: 3, 4: 2})


def test_a_node_too_deep_goes_to_the_deepest_ancestor_that_may_have_it() -> None:
    tree = tree_of(chain(LEVELS_MAX + 2))
    assert tree.raised == {LEVELS_MAX + 1, LEVELS_MAX + 2}
    assert {tree.parents[node] for node in tree.raised} == {LEVELS_MAX - 1}
    assert tree_of(chain(LEVELS_MAX)).raised == set()


def test_those_in_a_circle_are_at_the_top_and_keep_what_is_below_them() -> None:
    tree = tree_of({5: 3, 1: 2, 2: 3, 3: 1, 4: 4})
    assert tree.circular == {1, 2, 3, 4}
    assert tree.parents == {1: None, 2: None, 3: None, 4: None, 5: 3}
    assert tree.levels[5] == 2


@given(st.lists(st.none() | st.integers(0, 11), min_size=12, max_size=12))
def test_whatever_a_file_says_a_tree_comes_out(parents: list[int | None]) -> None:
    tree = tree_of(dict(enumerate(parents)))
    for node, parent in tree.parents.items():
        assert tree.levels[node] == (1 if parent is None else tree.levels[parent] + 1)
    assert max(tree.levels.values()) <= LEVELS_MAX
    untouched = tree.parents.keys() - tree.circular - tree.raised
    assert all(tree.parents[node] == parents[node] for node in untouched)
