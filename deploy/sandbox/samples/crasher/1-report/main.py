"""Print the report every two seconds."""

import time

from report import render

if __name__ == "__main__":
    orders = 0
    while True:
        print(render(orders), flush=True)
        orders += 3
        time.sleep(2)
