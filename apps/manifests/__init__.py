"""The DeployYml of an application: form data, rendering to Kubernetes objects, validation, policy and diff.

Flow of the pure part (no Django, no network), from what a person typed to what is applied::

    platform defaults ⊕ base ⊕ environment ⊕ target      overrides.py, defaults.py
        → Spec or field errors                           spec.py, parse.py, consistency.py
        → Kubernetes objects                             render/
        → canonical bytes, SHA-256, YAML for people      canonical.py
        → schema and semantic errors at the form field   validate.py, objects.py, origins.py
        → advice and refusals of the platform            policy.py
        → what changes                                   diff.py
    values of secrets join only while applying           sealing.py
"""
