"""Imports: writing what the parsers read from the exports of other services."""
