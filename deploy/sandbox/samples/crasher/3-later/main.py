"""Print the report every two seconds."""

import time
from pathlib import Path

from report import render

TEMPLATE_FILE = Path("/etc/report/template.txt")
REPORTS_BEFORE_TEMPLATE = 3

if __name__ == "__main__":
    orders = 0
    for _ in range(REPORTS_BEFORE_TEMPLATE):
        print(render(orders), flush=True)
        orders += 3
        time.sleep(2)
    template = TEMPLATE_FILE.read_text()
    while True:
        print(render(orders, template), flush=True)
        orders += 3
        time.sleep(2)
