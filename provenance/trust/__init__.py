"""
Who signed, when, and whom we believe: certificates, paths, time-stamps and trust profiles.
"""
