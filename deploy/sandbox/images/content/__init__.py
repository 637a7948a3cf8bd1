"""Programs that are put into base images. They run inside containers and import nothing of Slipway."""
