"""What may be wrong with a backup."""

from utils.errors import ServiceError


class BackupError(ServiceError):
    """It cannot be made, or not be restored here."""

    default_code = "backup_failed"
