"""The application, which is not loaded before a file is gone, as if the machine were slow."""

import os
import time
from pathlib import Path

from api import create_app

app = create_app()

while Path(os.environ["LOADED_WITHOUT"]).exists():
    time.sleep(0.1)
