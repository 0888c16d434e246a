"""From Kafka (or a file) to the store: decode, dedup, enrich, and the batch loop that joins the stages."""
