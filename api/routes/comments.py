"""Comments on tasks."""

from flask import Blueprint

from api.endpoint import endpoint
from models.comment import Comment, CommentCreate, CommentQuery, CommentUpdate
from models.principal import Principal
from models.scope import Scope
from services.comment_service import comment_service
from utils.pages import Page
from utils.preconditions import IfMatch

comments = Blueprint("comments", __name__)


@comments.post("/tasks/<id:task_id>/comments")
@endpoint(access=Scope.TASKS_WRITE, within=("task_id",), status=201)
def create_comment(principal: Principal, task_id: str, body: CommentCreate) -> Comment:
    """Say something about a task.

    @name mentions a member of the project: by full name, by a first name that only one has, or
    by e-mail address. In code nobody is mentioned.
    """
    return comment_service.create(principal, task_id, body)


@comments.get("/tasks/<id:task_id>/comments")
@endpoint(access=Scope.TASKS_READ, within=("task_id",))
def list_comments(principal: Principal, task_id: str, query: CommentQuery) -> Page[Comment]:
    """List what was said about a task, oldest first."""
    return comment_service.page(principal, task_id, query)


@comments.get("/comments/<id:comment_id>")
@endpoint(access=Scope.TASKS_READ, within=("comment_id",))
def get_comment(principal: Principal, comment_id: str) -> Comment:
    """Read a comment."""
    return comment_service.get(principal, comment_id)


@comments.patch("/comments/<id:comment_id>")
@endpoint(access=Scope.TASKS_WRITE, within=("comment_id",))
def update_comment(
    principal: Principal, comment_id: str, body: CommentUpdate, if_match: IfMatch
) -> Comment:
    """Change a comment of your own."""
    return comment_service.update(principal, comment_id, body, if_match)


@comments.delete("/comments/<id:comment_id>")
@endpoint(access=Scope.TASKS_WRITE, within=("comment_id",), status=204)
def delete_comment(principal: Principal, comment_id: str, if_match: IfMatch) -> None:
    """Put a comment into the trash: your own, or as a project's owner any in it."""
    comment_service.delete(principal, comment_id, if_match)
