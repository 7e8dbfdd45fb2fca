"""The OpenAPI document as schemathesis reads it, and what is required of every answer."""

from datetime import date, datetime, timedelta, timezone
from typing import Any

import schemathesis
from hypothesis.strategies import dates, datetimes, sampled_from
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import create_app
from api.openapi import describe

Case = schemathesis.Case[Any]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]

OFFSETS = sampled_from([timezone(timedelta(minutes=minutes)) for minutes in (-720, 0, 345, 840)])

# By itself it would try the years 0 to 9999, nearly all of which are refused.
FIRST, LAST = datetime.fromisoformat("1899-12-31"), datetime.fromisoformat("2201-01-01")
schemathesis.openapi.format(
    "date-time", datetimes(FIRST, LAST, timezones=OFFSETS).map(datetime.isoformat)
)
schemathesis.openapi.format("date", dates(FIRST.date(), LAST.date()).map(date.isoformat))

schema = schemathesis.openapi.from_dict(
    describe(create_app()),
    config=SchemathesisConfig.from_dict(
        {
            "generation": {"database": "none"},
            # The document's own links are those to follow; guessed ones would be thousands.
            "phases": {"stateful": {"inference": {"algorithms": []}}},
        }
    ),
)
OPERATIONS = {
    operation.definition.raw["operationId"]: operation
    for operation in (found.ok() for found in schema.get_all_operations() if isinstance(found, Ok))
}
