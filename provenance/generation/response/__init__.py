"""
What the image API answers, taken apart.
"""
