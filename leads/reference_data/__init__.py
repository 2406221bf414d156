"""Dated data sets that Accord ships, as files beside this module."""
