"""Masters made of raw frames: network (sorting) -> clip (robust mean) -> combine (strips, threads) -> master (file)."""
