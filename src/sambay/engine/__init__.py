"""Inference in batches that change at every step, on one machine: from requests to tokens."""
