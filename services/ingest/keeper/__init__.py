"""The keeper of the library: moves, places, removes and forgets files, and walks through the library.

1. Each request is a job with a plan that is written down first (``plan``). Killed at any moment, whoever takes the job
   over finds in its phase what is done and what is left.
2. A move is all or nothing: every file gets its new name beside the old one, one transaction says that it counts, and
   only then the old names go. Until then everything can be taken back, and nobody has seen a change.
3. A removal is verified, committed, and done after that; an original stays known, as missing.
4. Whoever is forgotten leaves a tombstone: nothing but an import that names the file itself brings it back.
5. A walk finds what was moved, renamed, swapped or changed by hand, by its content, and what has gone.

Nothing is overwritten, no path leaves the library, and no name is removed before the other one was seen.
"""
