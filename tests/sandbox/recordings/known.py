"""Where the sandbox is known to differ from the recordings, by scenario and exchange, each with its reason. An entry that no longer
differs fails the test."""

from __future__ import annotations

_OLD_PROTOCOL = "the protocols from before v4 are not spoken: no client offers them any more"
_FEWER = "the sandbox serves fewer kinds: no proxies, component statuses, pod templates, IP addresses, and only groups that it works with"
_NO_CHANGE_TIME = "EndpointSlices carry no annotation with the time of the change that they follow"
DIFFERENT: dict[str, dict[int, str]] = {
    "01-discovery": {5: _FEWER, 7: _FEWER, 18: _FEWER, 19: _FEWER},
    "04-rollout": {29: "of a pod that goes before its container ran, a real node says ContainerStatusUnknown at the end"},
    "05-pod-states": {19: "the scheduler here tells a refusal once, without a series"},
    "07-exec": {
        38: _OLD_PROTOCOL, 39: _OLD_PROTOCOL,
        43: "the command is still running; the machine's ps, unlike busybox's, lists the processes of its own terminal only",
    },
    "09-watch-and-list": {48: "the server words how Go reads a token that is none"},
    "12-services-and-friends": {
        11: _NO_CHANGE_TIME, 17: _NO_CHANGE_TIME,
        40: "HorizontalPodAutoscalers are served as autoscaling/v2 only",
        52: "Go's JSON decoder has more words for a broken literal",
    },
    "13-eviction-and-deletion": {47: "the server words a Go map, whose order is another each time"},
}  # fmt: skip
NOT_SENT: dict[str, dict[int, str]] = {
    "04-rollout": {
        41: "an application that is stopped while it starts may end in failure; which one is chance",
        62: "its resourceVersion is a resting Deployment's; here controllers may write in between, so a scene scales",
        **dict.fromkeys(
            range(75, 83), "three more rollouts, one into the other: they would take a quarter of the time again"
        ),
    },
    "06-logs": dict.fromkeys((42, 43, 44), "the deletion that they show is not among the exchanges"),
    "07-exec": {
        44: "the deletion that it shows is not among the exchanges",
        48: "a Role with create alone came in place of one with get alone; tests/sandbox/kubernetes/test_access.py has it",
    },
    "09-watch-and-list": {
        13: "it takes 75 seconds; tests/sandbox/kubernetes/test_watch.py has bookmarks",
        58: "the deletion that it shows is not among the exchanges",
        62: "the change that it shows is not among the exchanges, and was 15 minutes old",
    },
    "11-quota-and-limits": {26: "the LimitRange was removed before; its deletion is not among the exchanges"},
    "12-services-and-friends": dict.fromkeys((72, 73, 74), "a CronJob's first run takes up to a minute"),
    "14-tables": {
        12: "how often a crashing pod changes within two seconds is chance; tests/sandbox/kubernetes/test_watch.py has Tables"
    },
    "13-eviction-and-deletion": {
        27: "a moment of milliseconds, in which the sandbox's controllers have gone on",
        37: "a moment of milliseconds: the sandbox's collector may be done with the orphans before",
    },
}
