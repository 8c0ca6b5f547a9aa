"""A small Django app, for the test of audit_django.py."""
