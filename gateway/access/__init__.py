"""Who may watch: grants, users, API keys, and the one decision about a request."""
