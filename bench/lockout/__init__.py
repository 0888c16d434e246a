"""From a thief's first request to the app's 401, while events arrive at full rate."""
