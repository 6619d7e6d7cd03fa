"""Reading the configuration of other systems: what can be carried over, and what cannot and why."""
