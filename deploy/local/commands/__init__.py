"""A module per command of `./slipway`."""
