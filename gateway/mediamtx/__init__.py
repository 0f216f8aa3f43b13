"""MediaMTX beside the gateway: who may do what at it, whether it lives, what it has (docs/mediamtx.md)."""
