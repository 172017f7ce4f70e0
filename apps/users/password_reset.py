"""The mail with the link under which a forgotten password is replaced."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from core.languages import supported
from core.site import get_site
from core.views import in_words
from users.models import User


def send_reset_link(email: str, origin: str, language: str) -> None:
    """Mail a link to the account of that address, if there is an active one with a password.

    It goes to the address as the account has it, never as it was typed. *origin* is what stands
    before the path (``https://www.example.org``); *language* that of the page it was asked for on,
    for a member who has not chosen one.
    """
    user = User.objects.with_email(email).filter(is_active=True).first()
    if user is None or not user.has_usable_password():
        return
    with translation.override(supported(user.language) or language):
        message = _message(user, origin)
    message.send()


def _message(user: User, origin: str) -> EmailMessage:
    path = reverse(
        "users:password_reset_confirm",
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(user.pk)),
            "token": default_token_generator.make_token(user),
        },
    )
    context = {
        "user": user,
        "site": get_site(),
        "link": f"{origin}{path}",
        "lifetime": in_words(settings.PASSWORD_RESET_TIMEOUT),
    }
    subject = render_to_string("users/mail/password_reset_subject.txt", context)
    body = render_to_string("users/mail/password_reset.txt", context)
    return EmailMessage(" ".join(subject.split()), body, to=[user.email])
