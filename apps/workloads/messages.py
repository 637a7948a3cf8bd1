"""The words for causes: the sentences stand with the diagnosis, here they become translatable."""

from functools import partial

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.messages import register, register_parts
from apps.integrations.kubernetes.diagnosis_words import HINTS, PARTS, SENTENCES, parts

register({code: (_(sentence), _(HINTS.get(code, "")) if code in HINTS else "") for code, sentence in SENTENCES.items()})
register_parts({code: partial(parts, code, gettext=gettext) for code in PARTS})
register(
    {
        "workload.pod_missing": (_("There is no pod {pod} of this application here."), _("It may have been replaced; reload the page.")),
        "workload.container_missing": (_("Pod {pod} has no container {container}."), _("Choose one of: {containers}.")),
    }
)  # fmt: skip
