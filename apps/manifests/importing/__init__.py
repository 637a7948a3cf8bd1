"""Read a DeployYml out of live objects: pure, the other way round than `render`.

Everything the form can say is taken out of the objects; what the API server fills in by itself is dropped; what is left is
told as a finding, so nothing is lost in silence. The names and the selector, which nobody can change, become the `Identity`
that rendering keeps.

    import_workload(Live(...)) -> Imported(document, identity, secrets, findings)
"""

from .findings import Finding, Level
from .live import Live
from .secrets import SecretSource
from .workload import Imported, import_workload

__all__ = ["Finding", "Imported", "Level", "Live", "SecretSource", "import_workload"]
