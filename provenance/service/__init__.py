"""
The moderation service: judges images that are sent to it over HTTP, and keeps the reports.
"""
