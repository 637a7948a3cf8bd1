"""A stand-in for Jenkins: the remote API as clients use it, over builds that really run."""
