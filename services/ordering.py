"""Order that people make by hand: places between others in a list, and room for them."""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ARRAY, ColumnElement, any_, bindparam, select, tuple_

from models.base import UuidText
from models.item import ItemRow
from models.task import TaskRow
from services.advisory_locks import LOCK_BY_ID
from services.db_client import DatabaseClient
from services.listing import LIMIT
from services.prepared import Prepared
from utils.errors import BadRequestError
from utils.positions import POSITION_MAX_LENGTH, position_between, positions_between

MADE_ANEW = 50  # so many on either side get new positions when there is no short one left

LIST_ID = bindparam("list_id", type_=UuidText)

R = TypeVar("R", TaskRow, ItemRow)


class Key(NamedTuple):
    """What a list is sorted by: equal positions are told apart by the id."""

    position: str
    id: str


class Ordering(Generic[R]):
    """The order of one kind of list; `in_list` is the condition on `LIST_ID`.

    Whoever moves something holds the list until the commit; what is on the move is not seen.
    """

    def __init__(
        self, database: DatabaseClient, row: type[R], in_list: ColumnElement[bool]
    ) -> None:
        self._db = database
        self._row: type[R] = row
        key = (row.position, row.id)
        anchor = tuple_(
            bindparam("position", type_=row.position.type), bindparam("id", type_=UuidText)
        )
        is_other = (row.deleted_at.is_(None), row.id != bindparam("moving_id"))
        others = select(*key).where(in_list, *is_other)
        # Asked for by id alone: a condition on the list would tempt planners to read all of it.
        named = select(*key, in_list.label("is_here")).where(
            row.id == any_(bindparam("ids", type_=ARRAY(UuidText))), *is_other
        )
        backward = [each.desc() for each in key]
        self._lock = database.prepare(LOCK_BY_ID)
        self._anchors = database.prepare(named)
        self._before = database.prepare(
            others.where(tuple_(*key) < anchor).order_by(*backward).limit(LIMIT)
        )
        self._behind = database.prepare(
            others.where(tuple_(*key) > anchor).order_by(*key).limit(LIMIT)
        )

    def lock(self, list_id: str) -> None:
        """Let nobody else move anything in the list until the commit; comes before its rows."""
        self._lock.execute(id=list_id)

    def place(
        self, list_id: str, row: R, before_id: str | None, after_id: str | None
    ) -> Sequence[R]:
        """Put `row` right before or after another of the list, unless it is there already.

        Returns the others that had to make room.
        """
        of_list = {"list_id": list_id, "moving_id": row.id}
        low, high = self._gap(of_list, before_id, after_id)
        if (low is None or low < (row.position, row.id)) and (
            high is None or (row.position, row.id) < high
        ):
            return ()
        if low is None or high is None or low.position < high.position:
            position = position_between(low and low.position, high and high.position)
            if len(position) <= POSITION_MAX_LENGTH:
                row.position = position
                return ()
        return self._make_room(of_list, row, low, high)

    def _gap(
        self, of_list: dict[str, str], before_id: str | None, after_id: str | None
    ) -> tuple[Key | None, Key | None]:
        """Return the keys of the two between which the place is."""
        ids = {each for each in (before_id, after_id) if each}
        found = self._anchors.all(**of_list, ids=list(ids))
        anchors = {row["id"]: Key(row["position"], row["id"]) for row in found if row["is_here"]}
        if len(anchors) < len(ids):
            raise BadRequestError(
                "before_id and after_id name others of the list that it goes to; read that again.",
                code="no_such_place",
            )
        low, high = anchors.get(after_id or ""), anchors.get(before_id or "")
        if low and high and low >= high:
            raise BadRequestError(
                "What after_id names must come before what before_id names; give one of them.",
                code="no_such_place",
            )
        if low and not high:
            high = next(iter(self._beside(self._behind, of_list, low, 1)), None)
        elif high and not low:
            low = next(iter(self._beside(self._before, of_list, high, 1)), None)
        return low, high

    def _beside(
        self, side: Prepared, of_list: dict[str, str], key: Key | None, count: int
    ) -> list[Key]:
        if key is None:
            return []
        return _keys(side, of_list, **key._asdict(), limit=count)

    def _make_room(
        self, of_list: dict[str, str], row: R, low: Key | None, high: Key | None
    ) -> Sequence[R]:
        """Make the positions around a place anew, evenly between those farther out."""
        farther_left: list[Key] = self._beside(self._before, of_list, low, MADE_ANEW)
        farther_right: list[Key] = self._beside(self._behind, of_list, high, MADE_ANEW)
        left: list[Key] = [low, *farther_left] if low else []
        right: list[Key] = [high, *farther_right] if high else []
        ids = [*(key.id for key in left[:MADE_ANEW][::-1]), row.id]
        ids += [key.id for key in right[:MADE_ANEW]]
        outer_low, outer_high = (
            side[MADE_ANEW].position if len(side) > MADE_ANEW else None for side in (left, right)
        )
        positions = dict(zip(ids, positions_between(outer_low, outer_high, len(ids)), strict=True))
        row.position = positions.pop(row.id)
        query = select(self._row).where(self._row.id.in_(positions)).order_by(self._row.id)
        others = self._db.session.scalars(query.with_for_update()).all()
        for other in others:
            other.position = positions[other.id]
        return others


def _keys(statement: Prepared, of_list: dict[str, str], **parameters: Any) -> list[Key]:
    return [Key(row["position"], row["id"]) for row in statement.all(**of_list, **parameters)]
