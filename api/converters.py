"""Parts of a path."""

from werkzeug.routing import BaseConverter, IntegerConverter

from utils.validators import UUID_PATTERN


class IdConverter(BaseConverter):
    """An id; a path whose id is no id leads nowhere, which is 404."""

    regex = UUID_PATTERN.strip("^$")


class NumberConverter(IntegerConverter):
    """A number that counts rows; what PostgreSQL could not hold leads nowhere, too."""

    regex = "[1-9][0-9]{0,17}"
