"""Measures the gateway, and other servers beside it in the same run."""
