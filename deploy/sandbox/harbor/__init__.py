"""Harbor's stand-in: the OCI distribution API and the part of Harbor's v2 API that a deployment platform uses.

distribution/   /v2/: blobs, uploads, manifests, tags, token service (what docker, skopeo and containerd speak)
api/            /api/v2.0/: projects, repositories, artifacts, tags, scans, robots (what consoles speak)
blobs.py        content-addressed files on disk
catalog.py      projects, repositories, artifacts and tags in SQLite
access.py       who asks, and what they may do
"""
