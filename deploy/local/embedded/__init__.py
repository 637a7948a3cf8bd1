"""The embedded PostgreSQL and Redis: the wheels' binaries with a runner of our own."""
