"""How many files and connections a process may have open."""

import resource

ENOUGH = 65_536
"""More than any process of ours opens; a table of the kernel is not made larger for nothing."""


def raise_limit() -> int:
    """Use as many descriptors as the system lets this process have: the soft limit, often 1,024, becomes the hard one.

    Returns:
        The limit that holds now.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most
