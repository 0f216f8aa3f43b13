"""Built-in cameras that speak real RTSP, for the demo and the tests."""
