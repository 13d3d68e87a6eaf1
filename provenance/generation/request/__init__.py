"""
What is asked of the image API, checked before anything is sent.
"""
