"""The batched energy interface; batching, isolation, boxes, bridges."""
