"""Parts of a path."""

from werkzeug.routing import BaseConverter

from utils.validators import UUID_PATTERN


class IdConverter(BaseConverter):
    """An id; a path whose id is no id leads nowhere, which is 404."""

    regex = UUID_PATTERN.strip("^$")
