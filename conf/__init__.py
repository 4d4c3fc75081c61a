"""Configuration files of the commands, found by Hydra."""
