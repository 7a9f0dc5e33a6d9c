"""Which master fits which lights, and why: pure functions over properties, without database, files or bus.

``candidates``, ``weigh``, ``match`` and ``alternatives`` load NumPy. The service imports them, and likewise the modules
that read pixels, where something is compared or measured: it loads no numbers at rest.
"""
