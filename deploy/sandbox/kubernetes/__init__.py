"""A stand-in for a Kubernetes cluster: the API server's face, held to recordings of a real 1.36 one."""
