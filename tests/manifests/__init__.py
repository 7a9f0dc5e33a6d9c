"""The manifests of deploy/k8s: how they are read, and what must hold of them."""
