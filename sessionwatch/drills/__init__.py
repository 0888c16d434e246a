"""Fire drills: attacks on reserved users of a running deployment, to see whether it still notices."""
