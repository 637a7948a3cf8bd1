"""The words of this app's codes; those of findings carry the prefix `dockerfile.`."""

from django.utils.translation import gettext_lazy as _

from apps.core.messages import register

register(
    {
        "dockerfile.unreadable": (_("The Dockerfile cannot be read: {problem}"), ""),
        "dockerfile.stages": (_("A Dockerfile has three stages in this order: clone, compile, run. Found: {found}."), _("Name them with `FROM … AS clone`, `AS compile`, `AS run`.")),
        "dockerfile.base_not_allowed": (_("{image} is no approved base image for stage {stage}."), _("Choose one of: {allowed}.")),
        "dockerfile.copy_from_not_allowed": (_("COPY --from={image} reads an image that is not approved."), _("Copy from an earlier stage or an approved base image.")),
        "dockerfile.remote_add": (_("ADD of a remote address brings in what nobody checked."), _("Put it into a base image, or into the repository.")),
        "dockerfile.on_build": (_("ONBUILD runs in builds that nobody checks."), _("Write the instruction itself.")),
        "dockerfile.secret_in_text": (_("{name} looks like a secret; every image would carry it."), _("Give it at run time, as a secret of the DeployYml.")),
        "dockerfile.run_copies_from": (_("Stage run copies from {source}; only what compile made belongs into it."), _("Write `COPY --from=compile …`.")),
        "dockerfile.refused": (_("The Dockerfile was not saved: {count} lines break the platform's rules."), _("Mend the marked lines and save again; what you typed is kept.")),
        "dockerfile.changed_meanwhile": (_("{by} saved r{number} while you were editing."), _("Compare, then save again over it.")),
        "dockerfile.no_base": (_("No base image is approved for stage {stage}."), _("An administrator approves one under Administration → Base images.")),
        "base_image.exists": (_("{reference} is approved for that stage already."), ""),
    }
)  # fmt: skip
