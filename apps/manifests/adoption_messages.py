"""The words of adopting: what an import found, and why it is refused."""

from django.utils.translation import gettext_lazy as _

from apps.core import messages

messages.register(
    {
        # errors
        "adoption.missing": (_("There is no Deployment {name} that Slipway does not manage already."), ""),
        "adoption.none": (_("The application has not adopted {name} there."), ""),
        "adoption.taken_over": (_("A release has taken {name} over, so its names stay."), _("To be rid of it, take the application off the target.")),
        "adoption.already": (_("{workload} at {target} is adopted already, or the application has adopted another one there."), _("Withdraw that first, as long as no release has taken it over.")),
        "adoption.losses": (_("The form has no field for {count} things that {name} has; the first release takes them away."), _("Read the list, and agree to it.")),
        "adoption.stopped": (_("This Deployment cannot be adopted: it would not run without what the form has no field for."), _("Change the Deployment, or release the application beside it and move the traffic.")),
        "adoption.ports_in_another_order": (_("The ports are in another order than those of the base, and the first one has a meaning."), _("Put the ports of the base into the same order first.")),
        # what would stop the application
        "adoption.sidecar": (_("{object} has a further container {name}: the form knows one container."), ""),
        "adoption.init_containers": (_("{object} has init containers, which the form does not know."), ""),
        "adoption.ephemeral_containers": (_("{object} has ephemeral containers, which the form does not know."), ""),
        "adoption.env_from_field": (_("{object}: the variable {name} comes from {field}, which the form cannot say."), ""),
        "adoption.mount_of_a_part": (_("{object} mounts a part of a volume at {place}; here files are mounted as whole directories, which would hide what else is there."), ""),
        "adoption.volume": (_("{object}: {path} is of a kind that the form does not know ({kinds})."), ""),
        "adoption.binary_file": (_("{object}: the file {place} is not text."), ""),
        "adoption.probe": (_("{object}: {path} asks in a way that the form does not know ({kind})."), ""),
        "adoption.probe_port": (_("{object}: {path} asks the port {port}, which the container does not declare."), ""),
        "adoption.headless": (_("{object} is headless: it has no address of its own, and can never get one."), ""),
        "adoption.selector": (_("{object} selects its pods by expressions, which rendering cannot keep."), ""),
        "adoption.privileged": (_("{object} runs a privileged container."), ""),
        "adoption.needed": (_("{object}: {path} is {value}, which the pods may need and the form does not know."), ""),
        "adoption.paused": (_("{object} is paused. Let its rollout go on first."), ""),
        "adoption.autoscaler_metrics": (_("{object} scales by more than CPU, which the form does not know; two would fight over the number of pods."), ""),
        "adoption.reference_missing": (_("{object}: {path} reads {kind} {name}, which is not there."), ""),
        # what is lost, changed or kept
        "adoption.field": (_("{object}: {path} is {value}. The form has no field for it."), ""),
        "adoption.scratch_directory": (_("{object} has an empty volume at {place}; the directory of the image is used in its place."), ""),
        "adoption.host_port": (_("{object} takes port {port} of its node; it will not."), ""),
        "adoption.pre_stop": (_("{object} runs “{command}” before it ends; the form can only sleep."), ""),
        "adoption.port_twice": (_("{object}: the port {port} leads where another one leads already, or nowhere."), ""),
        "adoption.log_size": (_("The log directory holds {platform} in place of {size}."), ""),
        "adoption.port_published": (_("The port {port} is published by {object} as well."), ""),
        "adoption.port_renamed": (_("{object}: the port {old} is called {new}, as the container calls it."), ""),
        "adoption.node_port": (_("{object}: the port {port} of the nodes stays as the cluster gave it, but is not written down."), ""),
        "adoption.memory_limit": (_("{object} has no memory limit; the platform's default applies, as every service must have one."), ""),
        "adoption.image": (_("The image {image} gives way to the one that is built from the application's repository."), ""),
        "adoption.hardened": (_("{object}: {path} becomes {new} (it is {old})."), ""),
        "adoption.other_tools": (_("{object} and what belongs to it was written by {tools}. Stop that before the first release, or both write."), ""),
        "adoption.pull_secret": (_("Images are pulled with the namespace's {platform} in place of {name}."), ""),
        "adoption.history": (_("{object} keeps {new} old ReplicaSets in place of {old}."), ""),
        "adoption.other_service": (_("{object} sends traffic to the same pods. It stays as it is, and goes on working: the pods keep their labels."), ""),
        "adoption.other_ingress": (_("{object} says more than the form can. It stays as it is, and is not managed."), ""),
    }
)  # fmt: skip
