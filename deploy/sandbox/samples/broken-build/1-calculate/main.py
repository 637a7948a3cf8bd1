"""Print a price list once a second."""

import time

from pricing import gross

if __name__ == "__main__":
    while True:
        print({"net": 1000, "gross": gross(1000)}, flush=True)
        time.sleep(1)
