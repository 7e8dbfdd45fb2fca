"""Deleting for good what has been in the trash for long."""

# ruff: noqa: S608 - statements are made of constants alone

from sqlalchemy import text

from services.db_client import DatabaseClient

OLD = "(SELECT id FROM operations WHERE deleted_at < now() - make_interval(days => :days))"
OLD_PROJECTS = f"(SELECT id FROM projects WHERE operation_id IN {OLD})"

# Time is never purged with the work that it was spent on, and what it names stays as its name.
OLD_TASKS = f"""
    (SELECT id FROM tasks
     WHERE (operation_id IN {OLD} OR project_id IN {OLD_PROJECTS})
       AND NOT EXISTS (SELECT FROM time_entries WHERE task_id = tasks.id))
"""

# In this order: what refers to others goes before them.
STEPS = {
    "time entries": f"DELETE FROM time_entries WHERE operation_id IN {OLD}",
    "comments": f"DELETE FROM comments WHERE operation_id IN {OLD} OR task_id IN {OLD_TASKS}",
    "items": f"DELETE FROM items WHERE operation_id IN {OLD} OR task_id IN {OLD_TASKS}",
    "links to tasks": f"""
        UPDATE items SET promoted_task_id = NULL WHERE promoted_task_id IN {OLD_TASKS}
    """,
    "links to parents": f"UPDATE tasks SET parent_id = NULL WHERE parent_id IN {OLD_TASKS}",
    "tasks": f"DELETE FROM tasks WHERE id IN {OLD_TASKS}",
    "operations": f"DELETE FROM operations WHERE id IN {OLD}",
}


class Purge:
    """Empties the trash of what nobody has missed for so many days."""

    def __init__(self, database: DatabaseClient) -> None:
        self._steps = {name: database.prepare(text(step)) for name, step in STEPS.items()}

    def run(self, days: int) -> dict[str, int]:
        """Delete; returns how many of each kind."""
        counts = {name: step.execute(days=days) for name, step in self._steps.items()}
        return {name: count for name, count in counts.items() if not name.startswith("links")}
