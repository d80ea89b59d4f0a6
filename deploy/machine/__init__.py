"""Runs every part of the service on one machine: what `deploy/up` does once the packages are installed."""
