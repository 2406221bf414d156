from __future__ import annotations

from django.urls import URLPattern, path

from definitions import views

urlpatterns: list[URLPattern] = [
    path("definition/", views.definition, name="definition"),
    path("definitions/", views.definition_list, name="definitions"),
    path("definitions/versions/<int:pk>/<slug:step>/", views.version_step, name="version_step"),
    path("definitions/<slug:slug>/<str:number>/", views.definition_version, name="definition_version"),
    path("reviews/", views.review_list, name="reviews"),
    path("reviews/<int:pk>/", views.review, name="review"),
]
