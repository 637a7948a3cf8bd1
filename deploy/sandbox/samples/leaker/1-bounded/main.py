"""Open a few sessions at a time and print how many there are."""

import time

from sessions import SESSION_BYTES, Sessions

AT_ONCE = 8

if __name__ == "__main__":
    sessions, opened = Sessions(), 0
    while True:
        for _ in range(AT_ONCE):
            opened += 1
            sessions.open(f"user-{opened}")
        mebibytes = len(sessions) * SESSION_BYTES // 1024 // 1024
        print(f"sessions={len(sessions)} memory={mebibytes}MiB", flush=True)
        time.sleep(0.25)
