"""Whose fields are whose (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management)."""

from __future__ import annotations

from .answers import ApplyConflict
from .client import OPERATION_MANAGERS, KubernetesClient
from .entities import Applied, Object


def apply_over_own(
    client: KubernetesClient, manifest: Object, *, force: bool = False, dry_run: bool = False
) -> Applied:
    """Apply one object; what Slipway's own operations set (a number of pods) is no conflict: the manifest wins.

    Raises:
        ApplyConflict: others own fields with other values.
    """
    try:
        return client.apply(manifest, force=force, dry_run=dry_run)
    except ApplyConflict as exc:
        if not all(conflict.manager in OPERATION_MANAGERS for conflict in exc.conflicts):
            raise
        return client.apply(manifest, force=True, dry_run=dry_run)
