"""The API's description, a page that shows it, and the page that links in letters lead to."""

from flask import Blueprint, Response, make_response, render_template, send_from_directory

from api import asyncapi, openapi
from config import settings

docs = Blueprint("docs", __name__)

WEB = settings.project_dir / "web"
SWAGGER = WEB / "vendor" / "swagger-ui"

# A page shows itself only: no scripts, styles or connections but of this server.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

ASSETS = {
    "swagger-ui-bundle.js": SWAGGER,
    "swagger-ui.css": SWAGGER,
    "docs.js": WEB,
    "live.js": WEB,
    "live.css": WEB,
    "start.js": WEB,
    "start.css": WEB,
}


@docs.get("/")
def get_start() -> Response:
    """Send the page that does what letters ask for."""
    # As seen from the page, which may be below a path of another server.
    page = make_response(render_template("start.html", api=settings.api_prefix.lstrip("/") or "."))
    page.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return page


@docs.get("/openapi.json")
def get_openapi() -> Response:
    """Send the OpenAPI document of this version."""
    return Response(openapi.document_of(), mimetype="application/json")


@docs.get("/asyncapi.json")
def get_asyncapi() -> Response:
    """Send the AsyncAPI document of the WebSocket."""
    return Response(asyncapi.document_of(), mimetype="application/json")


@docs.get("/docs")
def get_docs() -> Response:
    """Send the page that shows the document and lets one try it."""
    page = send_from_directory(WEB, "docs.html")
    page.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return page


@docs.get(f"/docs/<any({', '.join(map(repr, ASSETS))}):name>")
def get_docs_asset(name: str) -> Response:
    """Send a part of the page."""
    return send_from_directory(ASSETS[name], name)
