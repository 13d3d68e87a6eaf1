"""
What the API answers, a module for each group of paths.
"""
