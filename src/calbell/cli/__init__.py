"""The command line: typed functions are the commands. What a command needs is imported by it."""
