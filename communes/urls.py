"""Addresses of the communes app: people and their roles."""

from django.urls import path

from communes.views import user_lists, users

app_name = "communes"
urlpatterns = [
    path("users/", users.user_list, name="user_list"),
    path("users/new/", users.user_create, name="user_create"),
    path("users/slips/", users.slip_list, name="slip_list"),
    path("users/log/", users.rights_log, name="rights_log"),
    path("users/import/", user_lists.user_import, name="user_import"),
    path("users/import/template.xlsx", user_lists.user_template, name="user_template"),
    path("users/import/apply/", user_lists.user_import_apply, name="user_import_apply"),
    path("users/<int:pk>/", users.user_detail, name="user_detail"),
    path("users/<int:pk>/edit/", users.user_edit, name="user_edit"),
    path("users/<int:pk>/close/", users.user_close, name="user_close"),
    path("users/<int:pk>/reopen/", users.user_reopen, name="user_reopen"),
    path("users/<int:pk>/password/", users.user_password, name="user_password"),
    path("users/<int:pk>/second-factor/", users.user_second_factor, name="user_second_factor"),
    path("users/<int:pk>/roles/new/", users.role_create, name="role_create"),
    path("users/<int:pk>/roles/<int:role>/", users.role_edit, name="role_edit"),
    path("users/<int:pk>/roles/<int:role>/move/", users.role_move, name="role_move"),
]
