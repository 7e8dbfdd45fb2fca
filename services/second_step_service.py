"""The second step of signing in: asked for by every way in that proves one factor only."""

from models.attempt import AttemptKind
from models.audit import AuditAction
from models.challenge import Purpose
from models.second_step import SecondStep
from models.way import Admission, Way
from services.attempt_service import AttemptService, attempt_service
from services.audit_service import AuditService, audit_service
from services.challenge_service import ChallengeService, challenge_service
from services.db_client import DatabaseClient, db
from services.passkey_service import PasskeyService, passkey_service
from services.second_factor_service import SecondFactorService, second_factor_service
from utils.errors import SecondFactorRequiredError, UnauthenticatedError


class SecondStepService:
    """Interrupts sign-ins of people who have a second factor, and lets them go on with it.

    Opens units of work of its own: what it writes must last although the answer is an error.
    """

    def __init__(
        self,
        database: DatabaseClient,
        challenges: ChallengeService,
        factors: SecondFactorService,
        passkeys: PasskeyService,
        attempts: AttemptService,
        audit: AuditService,
    ) -> None:
        self._db = database
        self._challenges = challenges
        self._factors = factors
        self._passkeys = passkeys
        self._attempts = attempts
        self._audit = audit

    def begin(self, user_id: str, way: Way) -> Admission:
        """Admit who has no second factor; anybody else is asked for it."""
        methods = self._db.reading(lambda: self._factors.state_of(user_id)).methods
        if not methods:
            return Admission(user_id, (way,))
        challenge = self._db.transaction(
            lambda: self._challenges.issue(Purpose.SECOND_FACTOR, user_id, way)
        )
        public_key = None
        if "passkey" in methods:
            public_key = self._db.reading(
                lambda: self._passkeys.second_factor_options(user_id, challenge)
            )
        raise SecondFactorRequiredError(
            "This is half of it; send the challenge with a second factor to /auth/second-factor.",
            challenge=challenge,
            methods=methods,
            public_key=public_key,
        )

    def finish(self, body: SecondStep) -> Admission:
        """Admit who has answered the challenge of a sign-in that was half done."""
        half = self._db.transaction(
            lambda: self._challenges.attempt(Purpose.SECOND_FACTOR, body.challenge)
        )
        user_id = half["user_id"]
        self._attempts.require(AttemptKind.SECOND_FACTOR, user_id)
        if not self._db.transaction(lambda: self._spend(user_id, body)):
            self._audit.count_refusal(AuditAction.FACTOR_REFUSED, user_id, body.way)
            raise UnauthenticatedError(
                "This is not right, or was used before; try the next code or another method.",
                code="second_factor_wrong",
            )
        self._attempts.succeeded(AttemptKind.SECOND_FACTOR, user_id)
        ways = (half["first_way"], body.way)  # an older process may have left out the first
        return Admission(user_id, tuple(Way(each) for each in ways if each))

    def _spend(self, user_id: str, body: SecondStep) -> bool:
        """Check an answer; a right one and its challenge are spent together."""
        if not self._is_right(user_id, body):
            return False
        self._challenges.take(Purpose.SECOND_FACTOR, body.challenge)
        return True

    def _is_right(self, user_id: str, body: SecondStep) -> bool:
        if body.code is not None:
            return self._factors.spend_code(user_id, body.code)
        if body.recovery_code is not None:
            return self._factors.spend_recovery_code(user_id, body.recovery_code)
        if body.credential is not None:
            return self._passkeys.answers(user_id, body.challenge, body.credential)
        return False


second_step_service = SecondStepService(
    db,
    challenge_service,
    second_factor_service,
    passkey_service,
    attempt_service,
    audit_service,
)
