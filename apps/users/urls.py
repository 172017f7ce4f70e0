"""The addresses of members' pages; their language stands before them."""

from __future__ import annotations

from django.urls import path

from users.views import password, profile, registration, session

app_name = "users"

urlpatterns = [
    path("accounts/login/", session.LoginView.as_view(), name="login"),
    path("accounts/logout/", session.LogoutView.as_view(), name="logout"),
    path("accounts/register/", registration.RegisterView.as_view(), name="register"),
    path("accounts/password-reset/", password.PasswordResetView.as_view(), name="password_reset"),
    path(
        "accounts/password-reset/done/", password.PasswordResetDoneView.as_view(), name="password_reset_done"
    ),
    path(
        "accounts/password-reset/complete/",
        password.PasswordResetCompleteView.as_view(),
        name="password_reset_complete",
    ),
    path(
        "accounts/password-reset/<uidb64>/<token>/",
        password.PasswordResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
    path("profile/", profile.ProfileView.as_view(), name="profile"),
    path("profile/password/", password.PasswordChangeView.as_view(), name="password_change"),
]
