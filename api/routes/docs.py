"""The built-in page, and the API's description with a page that shows it."""

from flask import Blueprint, Response, abort, render_template

from api import asyncapi, openapi, web_files
from api.built_in_page import STYLES, WEB, built_in_page
from config import settings

docs = Blueprint("docs", __name__)

SWAGGER = WEB / "vendor" / "swagger-ui"

# A page shows itself only: no scripts, styles or connections but of this server.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# What others wrote is text there, and the browser holds scripts to that.
TEXT_IS_TEXT = "; require-trusted-types-for 'script'; trusted-types 'none'"

ASSETS = {
    "swagger-ui-bundle.js": SWAGGER,
    "swagger-ui.css": SWAGGER,
    "docs.js": WEB,
    "live.js": WEB,
    "live.css": WEB,
}


@docs.get("/")
def get_page() -> Response:
    """Send the built-in page."""
    state = built_in_page.look()
    page = render_template(
        "page.html",
        # As seen from the page, which may be below a path of another server.
        api=settings.api_prefix.lstrip("/") or ".",
        digest=state.digest,
        styles=STYLES,
        modules=state.first,
    )
    response = web_files.send(web_files.of_text(page.encode(), "text/html"))
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY + TEXT_IS_TEXT
    return response


@docs.get("/web/<digest>/<path:name>")
def get_page_file(digest: str, name: str) -> Response:
    """Send a part of the built-in page."""
    found = built_in_page.find(name, digest)
    if not found:
        abort(404)
    file, is_known = found
    return web_files.send(file, for_good=is_known)


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
    page = web_files.send(web_files.read(WEB / "docs.html"))
    page.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return page


@docs.get(f"/docs/<any({', '.join(map(repr, ASSETS))}):name>")
def get_docs_asset(name: str) -> Response:
    """Send a part of the page of the documents."""
    return web_files.send(web_files.read(ASSETS[name] / name))
