"""Addresses of questions; included by criteria/urls.py."""

from django.urls import path

from criteria.views import questions

urlpatterns = [
    path("questions/", questions.question_list, name="question_list"),
    path("questions/<int:pk>/", questions.question_detail, name="question_detail"),
    path("questions/<int:pk>/answer/", questions.question_answer, name="question_answer"),
    path("questions/<int:pk>/again/", questions.question_again, name="question_again"),
    path("questions/<int:pk>/done/", questions.question_settle, name="question_settle"),
    path("units/<int:pk>/indicators/<int:indicator>/questions/", questions.question_ask, name="question_ask"),
]
