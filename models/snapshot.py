"""Snapshots: everything in a room as it was at one seq of its log."""

from pydantic import Field

from models.agent import Agent
from models.base import Schema
from models.comment import Comment
from models.download import Download
from models.item import Item
from models.lease import Lease
from models.live import Room
from models.membership import Member
from models.notification import Notification
from models.project import Project
from models.task import Task
from models.time_entry import TimeEntry
from models.user import User


class SnapshotHead(Schema):
    """Which room, and where in its log."""

    room: Room
    epoch: str = Field(description="Send it along with `seq` when you subscribe.")
    seq: int = Field(description="The last event that is in here.")


class Snapshot(SnapshotHead):
    """What is in a room; with the events after `seq` it is what will be in it."""

    project: Project | None = Field(description="In a project's room.")
    members: list[Member]
    user: User | None = Field(description="In your own room: yourself.")
    agents: list[Agent] = Field(description="In your own room: your agents.")
    tasks: list[Task]
    items: list[Item]
    comments: list[Comment]
    leases: list[Lease] = Field(description="Which tasks agents hold now.")
    time_entries: list[TimeEntry]
    notifications: list[Notification] = Field(
        description="In your own room: those that you have not read."
    )


class SnapshotDownload(Download):
    """A snapshot on its way: rooms may be too large to hold in memory."""

    media_type = "application/json"
    content = Snapshot
