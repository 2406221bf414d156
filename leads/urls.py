from __future__ import annotations

from django.urls import URLPattern, path

from leads import views

urlpatterns: list[URLPattern] = [
    path("leads/", views.lead_list, name="lead_list"),
    path("leads/export.csv", views.lead_export, name="lead_export"),
    path("leads/<int:pk>/", views.lead, name="lead"),
    path("leads/<int:pk>/contact/", views.lead_contact, name="lead_contact"),
    path("duplicates/refused/", views.refused_address_list, name="refused_addresses"),
    path("duplicates/refused/take/", views.refused_address_take, name="refused_address_take"),
    path("values/", views.value_list, name="value_list"),
    path("values/readings/<int:pk>/remove/", views.reading_remove, name="reading_remove"),
]
