"""Whether the settings make sense together; those that must not be do not get so far."""

import stat
from collections.abc import Callable
from urllib.parse import urlsplit

from config import LOOPBACK, Settings
from services.doctor.outcome import Outcome, fail, ok, warn

PROXIES_PLAUSIBLE = 3


def environment(options: Settings) -> Outcome:
    """Outside of production, cookies and pages are less guarded."""
    if options.environment == "production":
        return ok("production")
    return warn(
        f"{options.environment}; where others use it, set ENVIRONMENT=production: only then "
        "insecure settings are refused and cookies are for TLS alone"
    )


def secret_key(options: Settings) -> Outcome:
    """Whoever reads it can sign in as anybody."""
    if options.secret_key is not None:
        return ok("is set, and long enough")
    path = options.data_dir / "secret_key"
    if not path.exists():
        return ok(f"is not set; the first start makes one in {path}")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return fail(f"others can read {path}; run: chmod 600 {path}, and change it")
    return ok(f"is kept in {path}; a backup does not hold it, so keep a copy elsewhere")


def old_secret_keys(options: Settings) -> Outcome:
    """They are for the time of a change only."""
    if not options.old_secret_keys:
        return ok("there are none")
    return warn("are set; run flask rotate-secrets, then take them out")


def public_url(options: Settings) -> Outcome:
    """Letters, passkeys and single sign-on are made of it."""
    if options.environment != "production":
        return ok(options.site_url)
    if options.public_url is None:
        return warn(
            f"is not set, so links in letters lead to {options.site_url}; "
            "set PUBLIC_URL to where people reach the service"
        )
    return ok(options.public_url)


def trusted_proxies(options: Settings) -> Outcome:
    """Too few, and all people are one address; too many, and they choose theirs."""
    count = options.trusted_proxies
    if count > PROXIES_PLAUSIBLE:
        return warn(
            f"{count} are a lot; with more than there are, anybody can pretend any address: set "
            "TRUSTED_PROXIES to how many set X-Forwarded-For"
        )
    if count:
        return ok(f"{count}; nobody but them may reach {options.host}:{options.port}")
    is_behind_one = urlsplit(options.site_url).scheme == "https"
    if options.environment == "production" and is_behind_one:
        return warn(
            "0, and PUBLIC_URL is https, which something in front must speak: to the limits all "
            "people are one address; set TRUSTED_PROXIES=1"
        )
    return ok("0; addresses are those of the connections")


def mail(options: Settings) -> Outcome:
    """Without it nobody can set a forgotten password."""
    if options.smtp_url is None and options.sendgrid_api_key is None:
        if options.environment == "production":
            return warn(
                "is not set up, so no letter is sent and nobody can set a forgotten password; "
                "set SMTP_URL or SENDGRID_API_KEY"
            )
        return ok(f"letters become files in {options.data_dir / 'mail'}")
    if options.smtp_url is None:
        return ok(f"goes through SendGrid, from {options.mail_from}")
    server = urlsplit(options.smtp_url.get_secret_value())
    if server.scheme == "smtp+plain" and server.hostname not in LOOPBACK:
        return warn(
            f"goes to {server.hostname} without TLS, and whoever is on the way can read the links "
            "in it; use smtp:// or smtps://"
        )
    return ok(f"goes through {server.hostname}, from {options.mail_from}")


def webhooks(options: Settings) -> Outcome:
    """Anybody who owns a project names where they go."""
    if options.environment == "production" and options.webhook_http:
        return warn(
            "WEBHOOK_HTTP lets them go without TLS, and others can read what is in them; unset it"
        )
    networks = ", ".join(options.webhook_networks)
    return ok(f"may reach the internet and {networks}" if networks else "may reach the internet")


CHECKS: tuple[Callable[[Settings], Outcome], ...] = (
    environment,
    secret_key,
    old_secret_keys,
    public_url,
    trusted_proxies,
    mail,
    webhooks,
)
