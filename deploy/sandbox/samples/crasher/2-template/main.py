"""Print the report every two seconds."""

import time
from pathlib import Path

from report import render

TEMPLATE_FILE = Path("/etc/report/template.txt")

if __name__ == "__main__":
    template = TEMPLATE_FILE.read_text()
    orders = 0
    while True:
        print(render(orders, template), flush=True)
        orders += 3
        time.sleep(2)
