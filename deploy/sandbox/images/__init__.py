"""Container images: how they are written, built, pulled and unpacked."""
