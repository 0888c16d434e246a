"""HTTP: health and metrics now, the API from the next version on."""
