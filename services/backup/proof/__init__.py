"""Proof that archives are what was sent and can be brought back: verifications, read-backs, restore drills.

Read ``sent`` (what an archive should be) -> ``examine`` (what lies at its destination) -> ``touched`` (which files it
touches where that differs) -> ``verify``, ``read_back``, ``drill`` (the jobs) -> ``checks`` (when they are due). What
is found damaged counts as archived no more, so that the next look asks for an archive that has it again.
"""
