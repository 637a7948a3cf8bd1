"""Prometheus: instant and range queries (https://prometheus.io/docs/prometheus/latest/querying/api/)."""
