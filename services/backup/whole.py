"""The manifest of a session or day: all of its files, in whichever archives they lie."""
