"""Template tags of the DeployYml pages."""
