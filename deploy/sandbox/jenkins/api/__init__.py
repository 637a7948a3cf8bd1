"""The doors of the remote API, by subject. Each class gives its routes."""
