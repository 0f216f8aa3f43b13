"""What the gateway answers over HTTP beside media: pages, JSON, health, errors."""
