"""A stand-in for GitLab: API v4 over real bare repositories with smart HTTP and push webhooks.

`server.py` composes it; `accounts.py` keeps people, tokens, groups, projects and hooks; `git.py`, `reading.py`
and `writing.py` ask the repositories; `smart_http.py` serves clone and push; `webhooks.py` tells the world.
Protocol: https://docs.gitlab.com/api/rest/
"""
