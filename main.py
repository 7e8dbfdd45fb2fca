"""`app` for gunicorn and flask; run as a script it starts everything, see services/launcher.py."""

import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing to clean up until the launcher runs

    from services.launcher import launcher

    sys.exit(launcher.run())
else:
    from api import create_app

    app = create_app()
