"""GitLab: repositories, refs, commits and webhooks, through python-gitlab (https://docs.gitlab.com/api/rest/)."""
