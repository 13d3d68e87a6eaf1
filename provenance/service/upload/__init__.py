"""
Images on their way in: bounded, hashed, and in files without names.
"""
