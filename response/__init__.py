"""What an alert leads to: policy and its guard, revocations, and the outbox lanes that carry what leaves."""
