"""The batched energy interface, and what is put around it by composition: batching, isolation, boxes, bridges."""
