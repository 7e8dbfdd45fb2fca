"""Second factors: authenticator apps (TOTP, RFC 6238) and recovery codes."""

import secrets
from base64 import b32encode
from collections.abc import Callable
from datetime import datetime
from hmac import compare_digest

import pyotp
import segno
from sqlalchemy import BindParameter, bindparam, delete, exists, func, not_, select, update
from sqlalchemy.dialects.postgresql import insert

from models.audit import AuditAction
from models.passkey import PasskeyRow
from models.principal import Principal
from models.second_factor import (
    RecoveryCodeRow,
    RecoveryCodes,
    SecondFactors,
    TotpConfirm,
    TotpRow,
    TotpSetup,
)
from models.user import UserRow
from services.access_service import not_found
from services.audit_service import AuditService, audit_service
from services.challenge_service import ChallengeService, challenge_service
from services.db_client import DatabaseClient, db
from services.secret_box import SecretBox, secret_box
from services.session_service import SessionService, session_service
from utils.errors import BadRequestError, ConflictError
from utils.helpers import digest_of, utc_now

ISSUER = "Stint"
STEP_SECONDS = 30
STEPS_OFF = 1  # clocks differ, and typing takes a while
RECOVERY_CODES = 10
RECOVERY_CODE_BYTES = 15  # from 112 bits on a plain hash keeps them (OWASP ASVS 5.0, 6.5.2)

ME: BindParameter[str] = bindparam("user_id")
CONFIRMED = TotpRow.confirmed_at.is_not(None)
APP_IS_ON = exists().where(TotpRow.user_id == ME, CONFIRMED)
HAS_PASSKEYS = exists().where(PasskeyRow.user_id == ME)

STATE = select(
    APP_IS_ON.label("totp"),
    select(func.count()).where(PasskeyRow.user_id == ME).scalar_subquery().label("passkeys"),
    select(func.count())
    .where(RecoveryCodeRow.user_id == ME)
    .scalar_subquery()
    .label("recovery_codes"),
)

FIND_EMAIL = select(UserRow.email).where(UserRow.id == ME)
# Of two changes at once the later sees the earlier; and see SessionService.open.
LOCK = select(UserRow.id).where(UserRow.id == ME).with_for_update(key_share=True)
_SET_UP = insert(TotpRow).values(user_id=ME, secret=bindparam("secret"), created_at=func.now())
SET_UP = _SET_UP.on_conflict_do_update(
    index_elements=[TotpRow.user_id],
    set_={"secret": _SET_UP.excluded.secret, "created_at": _SET_UP.excluded.created_at},
    where=not_(CONFIRMED),
)
FIND_SECRET = select(TotpRow.secret, TotpRow.last_step, CONFIRMED.label("is_on")).where(
    TotpRow.user_id == ME
)
# Of two who use one code at once the second finds a step that is no longer older.
_SPEND = (
    update(TotpRow)
    .where(TotpRow.user_id == ME, TotpRow.last_step < bindparam("step"))
    .values(last_step=bindparam("step"))
)
SPEND = _SPEND.where(CONFIRMED)
TURN_ON = _SPEND.where(not_(CONFIRMED)).values(confirmed_at=func.now())
TURN_OFF = delete(TotpRow).where(TotpRow.user_id == ME, CONFIRMED)

ADD_CODE = insert(RecoveryCodeRow).values(digest=bindparam("digest"), user_id=ME)
SPEND_CODE = delete(RecoveryCodeRow).where(
    RecoveryCodeRow.digest == bindparam("digest"), RecoveryCodeRow.user_id == ME
)
DELETE_CODES = delete(RecoveryCodeRow).where(RecoveryCodeRow.user_id == ME)
DELETE_CODES_OF_NO_USE = DELETE_CODES.where(not_(APP_IS_ON), not_(HAS_PASSKEYS))

ALL_SECRETS = select(TotpRow.user_id, TotpRow.secret).with_for_update()
REPLACE_SECRET = update(TotpRow).where(TotpRow.user_id == ME).values(secret=bindparam("new_secret"))


class SecondFactorService:
    """Turns second factors on and off, and checks codes; `clock` tells what time it is."""

    def __init__(
        self,
        database: DatabaseClient,
        sessions: SessionService,
        challenges: ChallengeService,
        box: SecretBox,
        audit: AuditService,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.clock = clock
        self._sessions = sessions
        self._challenges = challenges
        self._box = box
        self._audit = audit
        self._state = database.prepare(STATE)
        self._lock = database.prepare(LOCK)
        self._find_email = database.prepare(FIND_EMAIL)
        self._set_up = database.prepare(SET_UP)
        self._find_secret = database.prepare(FIND_SECRET)
        self._turn_on = database.prepare(TURN_ON)
        self._turn_off = database.prepare(TURN_OFF)
        self._spend = database.prepare(SPEND)
        self._add_code = database.prepare(ADD_CODE)
        self._spend_code = database.prepare(SPEND_CODE)
        self._delete_codes = database.prepare(DELETE_CODES)
        self._delete_codes_of_no_use = database.prepare(DELETE_CODES_OF_NO_USE)
        self._all_secrets = database.prepare(ALL_SECRETS)
        self._replace_secret = database.prepare(REPLACE_SECRET)

    def state_of(self, user_id: str) -> SecondFactors:
        """Return what somebody can prove with that it is them."""
        return SecondFactors.model_validate(self._state.one(user_id=user_id))

    def address_of(self, user_id: str) -> str:
        """Return what tells somebody's account from others in an app or a browser."""
        address: str = self._find_email.one(user_id=user_id)["email"]
        return address

    def set_up(self, principal: Principal) -> TotpSetup:
        """Make the secret of an authenticator app; one that was not confirmed is replaced."""
        secret = pyotp.random_base32()
        if not self._set_up.execute(user_id=principal.id, secret=self._box.encrypt(secret)):
            raise ConflictError(
                "An authenticator app is on already; turn it off first.", code="totp_on"
            )
        email = self.address_of(principal.id)
        uri = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)
        picture = segno.make(uri, error="m", micro=False)
        return TotpSetup(secret=secret, uri=uri, qr_svg=picture.svg_inline(scale=4, light="#fff"))

    def confirm(self, principal: Principal, body: TotpConfirm) -> RecoveryCodes:
        """Turn the authenticator app on, by a first code of it."""
        row = self._find_secret.first(user_id=principal.id)
        if row is None or row["is_on"]:
            raise ConflictError(
                "No authenticator app waits to be confirmed; set one up first.",
                code="totp_not_set_up",
            )
        step = self._matching_step(row["secret"], row["last_step"], body.code)
        if step is None or not self._turn_on.execute(user_id=principal.id, step=step):
            raise BadRequestError(
                "The code is wrong; look at the clock of the device, and take the next code.",
                code="wrong_code",
            )
        return RecoveryCodes(recovery_codes=self.note_turned_on(principal))

    def turn_off(self, principal: Principal) -> None:
        """Ask for no code of an authenticator app any more."""
        if not self._turn_off.execute(user_id=principal.id):
            raise not_found()
        self.note_turned_off(principal)

    def note_turned_on(self, principal: Principal) -> list[str]:
        """Follow up on a factor that was turned on; returns recovery codes if there were none."""
        self._audit.record_own(AuditAction.FACTOR_ADDED, principal.id)
        self._end_other_sign_ins(principal)
        has_codes = self.state_of(principal.id).recovery_codes
        return [] if has_codes else self._make_codes(principal.id)

    def note_turned_off(self, principal: Principal) -> None:
        """Follow up on a factor that was turned off; recovery codes go with the last one."""
        self._audit.record_own(AuditAction.FACTOR_REMOVED, principal.id)
        self._end_other_sign_ins(principal)
        self._delete_codes_of_no_use.execute(user_id=principal.id)

    def _end_other_sign_ins(self, principal: Principal) -> None:
        """Let nobody stay, or come in half way, by what protected the account until now."""
        self._lock.execute(user_id=principal.id)
        self._sessions.revoke_others(principal)
        self._challenges.forget(principal.id)

    def renew_recovery_codes(self, principal: Principal) -> RecoveryCodes:
        """Make new recovery codes; the old ones are void."""
        self._lock.execute(user_id=principal.id)
        if not self.state_of(principal.id).methods:
            raise ConflictError(
                "There is nothing to recover; set up an authenticator app or add a passkey first.",
                code="no_second_factor",
            )
        self._delete_codes.execute(user_id=principal.id)
        return RecoveryCodes(recovery_codes=self._make_codes(principal.id))

    def _make_codes(self, user_id: str) -> list[str]:
        self._audit.record_own(AuditAction.RECOVERY_CODES_MADE, user_id)
        codes = [_new_code() for _ in range(RECOVERY_CODES)]
        for code in codes:
            self._add_code.execute(user_id=user_id, digest=_digest(code))
        return codes

    def spend_code(self, user_id: str, code: str) -> bool:
        """Tell whether this is a code of somebody's app that nobody has used; now it is used."""
        row = self._find_secret.first(user_id=user_id)
        if row is None or not row["is_on"]:
            return False
        step = self._matching_step(row["secret"], row["last_step"], code)
        return step is not None and self._spend.execute(user_id=user_id, step=step) == 1

    def spend_recovery_code(self, user_id: str, code: str) -> bool:
        """Tell whether this is a recovery code of somebody's; it does not work again."""
        if not self._spend_code.execute(user_id=user_id, digest=_digest(code)):
            return False
        self._audit.record_own(AuditAction.RECOVERY_CODE_USED, user_id)
        return True

    def _matching_step(self, stored: str, last_step: int, code: str) -> int | None:
        """Return the time step that a code is of, if that is about now and was not used."""
        app = pyotp.TOTP(self._box.decrypt(stored))
        now = int(self.clock().timestamp()) // STEP_SECONDS
        steps = range(max(now - STEPS_OFF, last_step + 1), now + STEPS_OFF + 1)
        found = [step for step in steps if compare_digest(app.generate_otp(step), code)]
        return found[0] if found else None

    def rotate_secrets(self) -> int:
        """Encrypt all secrets anew with the first key of the box; returns how many."""
        stored = self._all_secrets.all()
        for row in stored:
            secret = self._box.rotate(row["secret"])
            self._replace_secret.execute(user_id=row["user_id"], new_secret=secret)
        return len(stored)


def _new_code() -> str:
    """Return 24 letters and digits in groups of four, none of which look alike."""
    letters = b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode().lower()
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def _digest(code: str) -> str:
    """Return the hash of a recovery code, however it was typed."""
    letters = "".join(code.split()).replace("-", "").lower()
    return digest_of(letters)


second_factor_service = SecondFactorService(
    db, session_service, challenge_service, secret_box, audit_service
)
