from __future__ import annotations

from django.urls import URLPattern, path

from definitions.views import (
    amendments,
    presets,
    published,
    review_calendar,
    review_new,
    review_steps,
    reviews,
    suppressions,
    version_steps,
)

urlpatterns: list[URLPattern] = [
    path("definition/", published.definition, name="definition"),
    path("definition/primary-motion/", published.primary_motion, name="primary_motion"),
    path("definitions/", published.definition_list, name="definitions"),
    path("definitions/presets/", presets.presets, name="presets"),
    path("definitions/versions/<int:pk>/amendment/", amendments.draft_amendment, name="version_amendment"),
    path("definitions/versions/<int:pk>/<slug:step>/", version_steps.version_step, name="version_step"),
    path("definitions/<slug:slug>/<str:number>/", published.definition_version, name="definition_version"),
    path("definitions/<slug:slug>/<str:number>/diff/<str:against>/", published.version_diff, name="version_diff"),
    path("reviews/", reviews.review_list, name="reviews"),
    path("reviews/calendar/", review_calendar.review_calendar, name="review_calendar"),
    path("reviews/calendar.ics", review_calendar.review_feed, name="review_feed"),
    path("reviews/export.csv", reviews.review_export, name="reviews_export"),
    path("reviews/new/", review_new.review_new, name="review_new"),
    path("reviews/<int:pk>/", reviews.review, name="review"),
    path("reviews/<int:pk>/<slug:step>/", review_steps.review_step, name="review_step"),
    path("suppressions/", suppressions.suppression_list, name="suppressions"),
    path("suppressions/export.csv", suppressions.suppression_export, name="suppressions_export"),
    path("suppressions/new/", suppressions.suppression_new, name="suppression_new"),
    path("suppressions/<int:pk>/", suppressions.suppression, name="suppression"),
]
