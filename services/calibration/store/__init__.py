"""All SQL of calibration, by table; each function takes the connection of its caller's transaction."""
