"""Addresses of the criteria app."""

app_name = "criteria"
urlpatterns: list = []
