"""The monitor of runs: jobs, progress, logs."""
