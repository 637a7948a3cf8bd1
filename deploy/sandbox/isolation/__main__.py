"""The launcher that `spawn` starts: `python -m deploy.sandbox.isolation FD`, with a specification to read from descriptor FD."""

import sys

from .enter import main

sys.exit(main())
