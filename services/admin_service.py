"""Administrators, made by whoever runs the machine."""

import secrets

from models.account import Account, AccountUpdate
from models.user import UserCreate, UserRole
from services.account_service import AccountService, account_service
from services.password_service import PasswordService, password_service
from services.user_service import UserService, user_service
from utils.errors import BadRequestError
from utils.preconditions import IfMatch

RANDOM_BYTES = 18


class AdminService:
    """Makes accounts, and makes accounts administrators; nobody asks whether one may."""

    def __init__(
        self, users: UserService, accounts: AccountService, passwords: PasswordService
    ) -> None:
        self._users = users
        self._accounts = accounts
        self._passwords = passwords

    def has_account(self, email: str) -> bool:
        """Tell whether somebody uses an address."""
        try:
            self._users.principal_of(email)
        except BadRequestError:
            return False
        return True

    def new_password(self) -> str:
        """Return a random one, of 24 letters, digits, dashes and underscores."""
        return secrets.token_urlsafe(RANDOM_BYTES)

    def hash_password(self, body: UserCreate) -> str:
        """Hash the chosen password, slow on purpose, so done before the transaction."""
        return self._passwords.hash_new(body.password, body.email, body.name)

    def create(self, body: UserCreate, password_hash: str) -> Account:
        """Make an account whose address is known to be theirs, and an administrator of it."""
        self._users.sign_up(body, password_hash)
        self._users.verify_email(body.email)
        return self.promote(body.email)

    def promote(self, email: str) -> Account:
        """Make an account an administrator; one that is stays so."""
        principal = self._users.principal_of(email)
        role = AccountUpdate(role=UserRole.ADMIN)
        return self._accounts.update(principal, principal.id, role, IfMatch())


admin_service = AdminService(user_service, account_service, password_service)
