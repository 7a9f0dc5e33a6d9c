"""Bringing files back: the bytes of members from a destination, their proof, and their place in a folder.

Nothing here needs a database: what is wanted (``wanted``) is said by views where one answers, else by the manifests at
the destination (``manifests``). ``fetch`` reads just the bytes of the members that are wanted, ``unpack`` turns them
into the file and proves it by its SHA-256, ``folder`` writes it without overwriting anything, ``restore`` does it all.
"""
