"""Become the shim of the pod whose folder is given; return once it listens."""

import sys
from pathlib import Path

from .shim import launch

sys.exit(launch(Path(sys.argv[1])))
