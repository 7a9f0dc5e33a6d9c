"""Every handler of every service, given whatever a reader takes."""
