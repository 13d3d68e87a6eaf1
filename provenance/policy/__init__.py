"""
What a caller requires of a trusted manifest.
"""
