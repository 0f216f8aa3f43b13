"""Which ways of watching a viewer gets, in which order, and why not the others."""
