"""The one family of errors: raised anywhere, rendered by one handler as RFC 9457 problems."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one part of the input; `field` is a dotted path like `body.title`."""

    field: str
    message: str
    code: str


class ServiceError(Exception):
    """Base of every error a caller may see.

    `detail` says what is wrong and what to do next; `extra` becomes further members of the problem.
    """

    status: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR
    default_code: ClassVar[str] = "internal_error"

    def __init__(self, detail: str, *, code: str | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.extra = extra

    @property
    def headers(self) -> dict[str, str]:
        """Response headers that belong to this error."""
        return {}


class BadRequestError(ServiceError):
    """The request is well formed and breaks a rule of the business."""

    status = HTTPStatus.BAD_REQUEST
    default_code = "bad_request"


class UnauthenticatedError(ServiceError):
    """Nobody is signed in, or the credentials do not hold."""

    status = HTTPStatus.UNAUTHORIZED
    default_code = "unauthenticated"

    @property
    def headers(self) -> dict[str, str]:
        """RFC 6750 asks for the challenge on every 401."""
        return {"WWW-Authenticate": "Bearer"}


class SecondFactorRequiredError(UnauthenticatedError):
    """The first half of a sign-in went well; `challenge` and `methods` are for the second."""

    default_code = "second_factor_required"


class ForbiddenError(ServiceError):
    """The caller can see the thing and may not do this to it."""

    status = HTTPStatus.FORBIDDEN
    default_code = "forbidden"


class NotFoundError(ServiceError):
    """The thing does not exist, or the caller may not know that it does."""

    status = HTTPStatus.NOT_FOUND
    default_code = "not_found"


class ConflictError(ServiceError):
    """The state of the thing does not allow it."""

    status = HTTPStatus.CONFLICT
    default_code = "conflict"


class InProgressError(ConflictError):
    """The same request is being worked on at this moment."""

    default_code = "request_in_progress"

    @property
    def headers(self) -> dict[str, str]:
        """It will be over soon."""
        return {"Retry-After": "1"}


class PreconditionFailedError(ServiceError):
    """`If-Match` names another version; `current` is the representation of today."""

    status = HTTPStatus.PRECONDITION_FAILED
    default_code = "version_mismatch"


class PreconditionRequiredError(ServiceError):
    """This caller must say which version it changes."""

    status = HTTPStatus.PRECONDITION_REQUIRED
    default_code = "if_match_required"


class RequestRefusedError(ServiceError):
    """The request could not be read as HTTP means it; the status comes with it."""

    def __init__(self, status: HTTPStatus, detail: str, *, code: str) -> None:
        super().__init__(detail, code=code)
        self.status = status


class UnprocessableError(ServiceError):
    """The input does not fit its schema."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    default_code = "invalid_input"

    def __init__(
        self, detail: str, *, code: str | None = None, errors: Sequence[FieldError] = ()
    ) -> None:
        super().__init__(detail, code=code)
        self.errors = errors


class TooManyRequestsError(ServiceError):
    """The caller asks too often; `seconds` says for how long to wait."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    default_code = "rate_limited"

    def __init__(self, detail: str, *, seconds: int, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.seconds = seconds

    @property
    def headers(self) -> dict[str, str]:
        """RFC 6585 leaves it to us to say when."""
        return {"Retry-After": str(self.seconds)}


class UnavailableError(ServiceError):
    """Something that the service needs is away for the moment."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "unavailable"

    @property
    def headers(self) -> dict[str, str]:
        """Databases come back within seconds more often than not."""
        return {"Retry-After": "2"}
