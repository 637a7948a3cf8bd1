"""Will a release fit? What its pods need at the worst moment of the rollout against quotas, limits and nodes. Pure.

- Quotas count pods: https://kubernetes.io/docs/concepts/policy/resource-quotas/. A Deployment over its quota is accepted,
  and its pods are refused later, one by one; so this is asked before.
- LimitRanges fill in what a container does not say, and refuse what is out of range:
  https://kubernetes.io/docs/concepts/policy/limit-range/.
- The rollout: new pods come before old ones go, as many as the surge allows; Recreate is the other way round.

What is going on in the namespace besides (other releases, pods that still end) is not known here: it is a careful estimate.
"""
