"""From what a view returns to what is sent."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from os import SEEK_END
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlencode

from flask import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

from api.contract import Contract
from models.download import Download
from models.redirect import Redirect
from utils.pages import Page
from utils.preconditions import etag_of, parse_tags
from utils.rows import dump_json

JSON = "application/json"
CSV = "text/csv; charset=utf-8"
CHUNK_BYTES = 65_536
NOT_KEPT = ("Cache-Control", "no-store")


class _WholeResponse(Response):
    """A response with a body in bytes: Werkzeug would look for headers to mend in it."""

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Send the headers as they are, and the body unless only the head was asked for."""
        start_response(self.status, self.headers.to_wsgi_list())
        return [] if environ["REQUEST_METHOD"] == "HEAD" else self.response  # type: ignore[return-value]  # a list of bytes here


class _EmptyResponse(Response):
    """A response without a body, so without a type of it."""

    default_mimetype = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A rendered answer, as it is sent and recorded."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = field(default=())

    def response(self) -> Response:
        """Return it as Flask's response."""
        kind = _WholeResponse if self.body else _EmptyResponse
        return kind(self.body, self.status, self.headers)


@dataclass(frozen=True, slots=True)
class FileAnswer(Answer):
    """A file, sent in chunks; it is closed when it was sent or nobody waits for it any more."""

    file: BinaryIO = field(kw_only=True)

    def response(self) -> Response:
        """Return it as Flask's response."""
        chunks = iter(partial(self.file.read, CHUNK_BYTES), b"")
        response = Response(chunks, self.status, self.headers)
        response.call_on_close(self.file.close)
        return response


class Renderer:
    """Turns the answers of one view into bytes, by its return annotation."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._status = contract.status
        self._has_version = contract.has_version
        self._adapter = contract.adapter()

    def render(self, request: Request, result: Any) -> Answer:
        """Return the answer to send for what the view returned."""
        if self._has_version:
            return self._render_resource(request, result)
        if self._contract.is_file:
            return self._render_file(result)
        if self._contract.is_list:
            return self._render_page(request, result)
        if self._contract.csv is not None:
            return self._render_negotiated(request, result, self._contract.csv)
        if isinstance(result, Redirect):
            return Answer(HTTPStatus.SEE_OTHER, headers=[("Location", result.path)])
        if self._contract.answer_type is None:
            return Answer(self._status)
        return Answer(self._status, self._adapter.dump_json(result), [("Content-Type", JSON)])

    def _render_resource(self, request: Request, resource: Any) -> Answer:
        etag = etag_of(resource)
        headers = [("ETag", etag)]
        if not request.view_args:
            # Everybody finds their own there, and versions of two people's are called the same:
            # what a browser had kept of one would be shown to the next who signs in.
            headers.append(NOT_KEPT)
        if request.method in ("GET", "HEAD"):
            seen = parse_tags(request.headers.get("If-None-Match"))
            if seen and (etag in seen or f"W/{etag}" in seen or "*" in seen):
                return Answer(HTTPStatus.NOT_MODIFIED, headers=headers)
        body = self._adapter.dump_json(resource)
        return Answer(self._status, body, [("Content-Type", JSON), *headers])

    def _render_negotiated(
        self, request: Request, result: Any, write_csv: Callable[[Any], bytes]
    ) -> Answer:
        offered = [JSON, "text/csv"]
        if request.accept_mimetypes.best_match(offered, default=JSON) == JSON:
            body, content_type = self._adapter.dump_json(result), JSON
        else:
            body, content_type = write_csv(result), CSV
        return Answer(self._status, body, [("Content-Type", content_type), ("Vary", "Accept")])

    def _render_file(self, download: Download) -> Answer:
        size = download.file.seek(0, SEEK_END)
        download.file.seek(0)
        headers = [
            ("Content-Type", download.media_type),
            ("Content-Length", str(size)),
            ("Content-Disposition", f'attachment; filename="{download.name}"'),
        ]
        return FileAnswer(self._status, headers=headers, file=download.file)

    def _render_page(self, request: Request, page: Page[Any]) -> Answer:
        headers = [("Content-Type", JSON)]
        if page.next_cursor is not None:
            headers.append(("Link", f'<{_next_url(request, page.next_cursor)}>; rel="next"'))
        return Answer(self._status, dump_json(self._adapter, page.items), headers)


def _next_url(request: Request, cursor: str) -> str:
    """Return the address of this list's next page: the same question, behind the cursor."""
    question = [
        (name, value)
        for name, value in request.args.items(multi=True)
        if name not in ("cursor", "offset")
    ]
    return f"{request.path}?{urlencode([*question, ('cursor', cursor)])}"
