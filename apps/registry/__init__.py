"""Registry: the images we know of, whether they still exist, and who still needs them."""
