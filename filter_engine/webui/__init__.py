"""The WebUI: static files that the controller serves; no build, nothing from elsewhere."""
