"""The words for field errors and policy findings of a DeployYml.

The codes inside this app are short; among all words of the product they carry the prefix. The parameters are those the
checks give.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.core import messages

PREFIX = "deployyml."


def describe(code: str, params: Mapping[str, Any]) -> str:
    """Return the sentence of a code in the reader's language; lists are joined by commas."""
    readable = {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else value for name, value in params.items()
    }
    return messages.word(PREFIX + code, readable).message


messages.register(
    {
        "deployyml.invalid": (_("The form has errors; nothing was saved."), _("Mend the marked fields and save again.")),
        "deployyml.too_large": (_("The form data is larger than {most} bytes."), _("Put large files into the image, or fetch them when the program starts.")),
        "deployyml.changed_meanwhile": (_("Revision {number} was saved meanwhile by {name}."), _("Look at what changed, then save yours on top of it.")),
        "deployyml.missing": (_("This application has no DeployYml yet."), _("Fill in the form and save it.")),
        "deployyml.cannot_render": (_("Revision {revision} cannot be released to {target}: {reason}"), _("Mend the named fields in the DeployYml.")),
        "deployyml.forbidden": (_("The platform's policy does not allow this for {target}."), _("Change what each reason names.")),
        "secret.not_set": (_("There is no value “{key}” here."), _("Reload the page: somebody may have removed it.")),
        # What a field is.
        f"{PREFIX}required": (_("This field is required."), ""),
        f"{PREFIX}wrong_type": (_("Expected {wanted}, found {found}."), ""),
        f"{PREFIX}unknown_field": (_("There is no such field."), ""),
        f"{PREFIX}not_text": (_("The text holds characters that cannot be stored."), ""),
        f"{PREFIX}too_long": (_("At most {longest} characters."), ""),
        f"{PREFIX}too_many": (_("At most {most} entries."), ""),
        f"{PREFIX}out_of_range": (_("Between {least} and {most}."), ""),
        f"{PREFIX}not_a_choice": (_("Choose one of: {choices}."), ""),
        f"{PREFIX}invalid": (_("Not a valid value."), ""),
        f"{PREFIX}not_a_quantity": (_('"{value}" is not an amount. Write CPU as 500m or 1, memory as 512Mi or 1Gi.'), ""),
        f"{PREFIX}negative": (_("An amount cannot be negative."), ""),
        f"{PREFIX}not_a_count_or_percent": (_("Write a count such as 1, or a percentage such as 25%."), ""),
        f"{PREFIX}memory_too_small": (_("{value} is {words} of memory. Did you mean {suggestion}?"), ""),
        f"{PREFIX}cpu_too_large": (_("{value} is {words}. Did you mean {suggestion}?"), ""),
        f"{PREFIX}not_a_dns_label": (_("Lower-case letters, digits and hyphens, starting and ending with a letter or digit, 63 at most."), ""),
        f"{PREFIX}not_a_dns_name": (_("Lower-case letters, digits, hyphens and dots, 253 characters at most."), ""),
        f"{PREFIX}not_a_port_name": (_("Lower-case letters, digits and single hyphens, 15 characters at most, with at least one letter."), ""),
        f"{PREFIX}not_an_env_name": (_("Letters, digits and underscores, not starting with a digit."), ""),
        f"{PREFIX}not_a_secret_key": (_("Letters, digits, dots, hyphens and underscores."), ""),
        f"{PREFIX}not_an_absolute_path": (_("Write an absolute path without .. and without a slash at the end, such as /etc/app/config.json."), ""),
        f"{PREFIX}not_a_url_path": (_("Write a path that starts with a slash."), ""),
        f"{PREFIX}not_a_label_key": (_('"{value}" is not a valid key: an optional domain and a slash, then letters, digits, dots, hyphens and underscores.'), ""),
        f"{PREFIX}not_a_label_value": (_("Letters, digits, dots, hyphens and underscores, 63 at most, starting and ending with a letter or digit."), ""),
        f"{PREFIX}reserved_annotation": (_('Annotations under "{domain}" belong to the platform.'), ""),
        # What must fit together.
        f"{PREFIX}duplicate": (_('"{value}" is used twice.'), ""),
        f"{PREFIX}value_or_secret": (_("Give either a value or the name of a secret value, not both and not neither."), ""),
        f"{PREFIX}secret_not_declared": (_('There is no secret value named "{value}" in the list of secrets.'), ""),
        f"{PREFIX}request_above_limit": (_("The request {request} is above the limit {limit}."), ""),
        f"{PREFIX}no_such_port": (_('There is no port named "{value}".'), ""),
        f"{PREFIX}no_ports": (_("This needs a port, and the list of ports is empty."), ""),
        f"{PREFIX}no_tcp_port": (_("This needs a TCP port."), ""),
        f"{PREFIX}probe_without_command": (_("A probe by command needs a command."), ""),
        f"{PREFIX}only_once": (_("Kubernetes accepts only 1 here for this kind of probe."), ""),
        f"{PREFIX}grace_period_too_short": (_("The program gets no time to end: {grace} s in all, {sleep} s of it asleep before the signal."), ""),
        f"{PREFIX}no_progress": (_("A rollout cannot proceed when no pod may be added and none may be missing."), ""),
        f"{PREFIX}minimum_above_maximum": (_("The smallest number of replicas, {min}, is above the largest, {max}."), ""),
        f"{PREFIX}autoscaling_needs_cpu_request": (_("Scaling by CPU use needs a CPU request."), ""),
        f"{PREFIX}directory_reserved": (_("Mounting {directory} would hide the system's own files. Put the file into a directory of its own."), ""),
        f"{PREFIX}directory_taken": (_("{directory} is the log directory; files need a directory of their own, outside it."), ""),
        f"{PREFIX}file_is_directory": (_("{value} is a file here and a directory in another row."), ""),
        f"{PREFIX}files_too_large": (_("Configuration files may hold 1 MiB in all; these have {size} bytes."), ""),
        f"{PREFIX}service_needs_ports": (_("A Service needs at least one port."), ""),
        f"{PREFIX}ingress_needs_service": (_("An Ingress needs the Service to be on."), ""),
        f"{PREFIX}ingress_without_host": (_("The target has no domain, so the Ingress needs a host."), ""),
        f"{PREFIX}slug_not_a_service_name": (_('The application "{value}" cannot have a Service: its name must start with a letter.'), ""),
        f"{PREFIX}secret_without_value": (_('The secret "{value}" has no value for this target.'), ""),
        f"{PREFIX}no_such_environment": (_('There is no environment "{value}" in this project.'), ""),
        f"{PREFIX}no_such_target": (_('There is no target "{value}" in this project.'), ""),
        f"{PREFIX}selector_misses_template": (_("The selector does not find the pods of its own template."), ""),
        f"{PREFIX}no_such_volume": (_('There is no volume named "{value}".'), ""),
        # What the cluster's schemas say.
        f"{PREFIX}schema": (_("Kubernetes {version} does not accept this: {message}"), ""),
        f"{PREFIX}schema_unknown_kind": (_("Kubernetes {version} has no {kind} of {api_version}."), ""),
        # Policy.
        f"{PREFIX}memory_limit_required": (_("Set a memory limit: without one a leak takes the whole node down."), ""),
        f"{PREFIX}cpu_limit_advised": (_("Set a CPU limit, so that one program cannot starve its neighbours."), ""),
        f"{PREFIX}requests_advised": (_("Set a request for {resource}, so that pods are placed where there is room."), ""),
        f"{PREFIX}image_digest_required": (_("The image must be named by digest: a tag can be moved after the approval."), ""),
        f"{PREFIX}image_latest_forbidden": (_("The tag latest says nothing about what runs."), ""),
        f"{PREFIX}readiness_required": (_("Without a readiness probe, traffic reaches pods that cannot answer yet."), ""),
        f"{PREFIX}readiness_by_port_only": (_("The readiness probe only checks that the port is open. Let it ask the program (HTTP or command)."), ""),
        f"{PREFIX}liveness_advised": (_("Without a liveness probe a program that hangs is never restarted."), ""),
        f"{PREFIX}probe_command_often": (_("A command every {period} s is expensive. Ask less often than every 5 s, or use HTTP or TCP."), ""),
        f"{PREFIX}pre_stop_sleep_advised": (_("Sleep about 10 s before the signal to end, so that traffic has moved away first."), ""),
        f"{PREFIX}grace_period_short": (_("Only {left} s are left to finish requests after the signal. {advised} s are advised."), ""),
        f"{PREFIX}init_process_advised": (_("Without an init process zombies pile up and can keep pods from being deleted."), ""),
        f"{PREFIX}replicas_in_production": (_("One replica means downtime whenever its node is drained. Production should have at least 2."), ""),
        f"{PREFIX}recreate_in_production": (_("Recreate stops the old version before the new one starts: users will see an outage."), ""),
        f"{PREFIX}unavailable_in_production": (_("The rollout may take down ready pods before new ones are ready."), ""),
        f"{PREFIX}env_looks_secret": (_("{name} looks like a secret. Keep it as a secret value: plain values are stored and shown."), ""),
        f"{PREFIX}secret_unused": (_('The secret "{name}" is not used by any variable or file.'), ""),
        f"{PREFIX}file_hides_directory": (_("Everything that the image has in {directory} is hidden by the mounted files."), ""),
        f"{PREFIX}deadline_shorter_than_startup": (_("The rollout fails after {deadline} s, before a slow start may take its {startup} s."), ""),
        f"{PREFIX}tls_advised": (_("The Ingress serves plain HTTP only."), ""),
    }
)  # fmt: skip
