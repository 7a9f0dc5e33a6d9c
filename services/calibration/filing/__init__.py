"""Filing: masters that came into the library get their place in the folders for masters, by name.

``names`` (pure) says which place, ``filer`` asks ingest to move them there, each once: whoever moves one later finds it
where he put it. Masters in indexed folders are used where they lie, and never moved.
"""
