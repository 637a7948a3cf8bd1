"""Sample applications: one folder per project, in it `history.toml` and one folder per commit.

A commit's folder holds only the files that the commit adds or changes. `importer.py` turns them into
repositories with fixed authors and dates, so that a commit has the same id on every machine.
"""
