"""The handlers of API v4, one module a noun."""
