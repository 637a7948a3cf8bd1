"""Live state of what runs: pods, events, logs. Read from the cluster; nothing is stored here yet."""
