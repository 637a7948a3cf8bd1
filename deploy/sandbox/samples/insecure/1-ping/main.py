"""Look after hosts every five seconds."""

import os
import time

from hosts import has_address

if __name__ == "__main__":
    while True:
        for host in os.environ.get("HOSTS", "localhost").split(","):
            print(f"host={host} found={has_address(host)}", flush=True)
        time.sleep(5)
