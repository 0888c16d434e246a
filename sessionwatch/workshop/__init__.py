"""The workshop: where detections are listed, written, tested and tuned."""
