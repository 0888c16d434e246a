"""The console: Streamlit pages over the HTTP API. It imports `schemas` only and holds no token of its own."""
