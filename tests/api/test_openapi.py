"""The OpenAPI document."""

from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.openapi import describe


def test_the_document_is_valid_openapi(app: Flask) -> None:
    OpenAPIV31SpecValidator(describe(app)).validate()
