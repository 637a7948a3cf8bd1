"""Drift: what is live on a target differs from what was last brought there.

due row (`watching.py`) -> read the objects of the last set (`reading.py`) -> compare, pure (`comparing.py`,
`ownership.py`) -> findings on the row, `drift.found` -> a person re-applies or accepts (`services.py`, `accepting.py`)
"""
