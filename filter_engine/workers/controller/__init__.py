"""The controller: statistics, learning, changes and health over HTTP."""
