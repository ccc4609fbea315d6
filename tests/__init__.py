"""The tests of symprice; the folders mirror the rooms of the package."""
