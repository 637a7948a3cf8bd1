"""One job."""

import hashlib


def work(number):
    """Return the job's result."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:12]
