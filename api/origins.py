"""Origins: which pages a browser may speak for."""

from flask import Request

from config import settings
from utils.errors import ForbiddenError


def refuse_foreign_origin(request: Request) -> None:
    """Refuse what a page of another site sends, unless that site is listed.

    Browsers say which page it is; whoever is no browser says nothing and has no cookies either.
    """
    origin = request.headers.get("Origin")
    own = (f"http://{request.host}", f"https://{request.host}")
    if origin is None or origin in own or origin in settings.cors_origins:
        return
    raise ForbiddenError(
        "Pages of this origin may not do this here; add it to CORS_ORIGINS.",
        code="foreign_origin",
    )
