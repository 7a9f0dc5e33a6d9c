"""Damaged and malicious files: made by a generator, read by the real readers, and mutated by a fuzzer."""
