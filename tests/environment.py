"""Settings for tests, as a pytest plugin (`-p tests.environment`), so that they are set before Django reads them.

`./slipway test` starts private PostgreSQL and Redis servers and names them; keys are thrown away with the run.
"""

import os

os.environ.setdefault("SLIPWAY_SECRET_KEY", "tests-only")
os.environ.setdefault("SLIPWAY_FIELD_KEYS", "ZmDfcTF7_60GrrY167zsiPd67pEvs0aGOv2oasOM1Pg=")
os.environ.setdefault("DATABASE_URL", "postgres://postgres@127.0.0.1:1/none")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
os.environ.setdefault("SLIPWAY_LOG_LEVEL", "WARNING")

_worker = os.environ.get("PYTEST_XDIST_WORKER")
if _worker is not None:
    # Each worker has a Redis database of its own: pub/sub channels and queues do not mix.
    _base, _, _ = os.environ["REDIS_URL"].rpartition("/")
    os.environ["REDIS_URL"] = f"{_base}/{int(_worker.removeprefix('gw')) + 1}"
