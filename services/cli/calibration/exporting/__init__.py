"""`calibration export`: a tree of lights and their masters that Siril or WBPP stacks as it is.

``choose`` reads the contract's views, ``siril`` and ``wbpp`` (pure) lay the tree out, ``places`` makes sure that
nothing is in the way, ``write`` copies or links, ``contents`` says what is in it and why, ``command`` puts it together.
The tree is no root of ours: nothing in it is counted, and nothing of a source or library is changed.
"""
