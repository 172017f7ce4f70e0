"""Who wrote the sample articles. Nobody can log in as one of them."""

from __future__ import annotations

from dataclasses import dataclass

from users.models import User


@dataclass(frozen=True)
class Person:
    """An invented author. The e-mail address, under a domain that can never exist, is how they are known."""

    username: str
    first_name: str
    last_name: str
    language: str
    bio: str

    @property
    def email(self) -> str:
        """Their address."""
        return f"{self.username}@authors.example"


PEOPLE = (
    Person(
        *("margaret", "Margaret", "Ashdown", "en"),
        "Gardens on heavy clay, keeps a diary of frosts, and has never thrown a seed packet away.",
    ),
    Person(
        *("tom.whitlock", "Tom", "Whitlock", "en"),
        "Retired signalman. Travels slowly, writes slower, and always knows which side to sit on.",
    ),
    Person(
        *("priya", "Priya", "Raman", "en"),
        "Writes small programs and long letters. Bakes while the tests run.",
    ),
    Person(
        *("elena", "Elena", "Varga", "en"),
        "Teaches physics by day; at night she hauls a home-made telescope up the nearest hill.",
    ),
    Person(
        *("camille", "Camille", "Laurent", "fr"),
        "Boulangère le matin, lectrice l’après-midi. Tient son levain de sa grand-mère.",
    ),
    Person(
        *("hugo.bernier", "Hugo", "Bernier", "fr"),
        "Remonte les rivières à pied et les redescend en barque. Dessine les ponts.",
    ),
    Person(
        *("ines", "Inès", "Moreau", "fr"),
        "Développeuse et jardinière : elle retire plus de lignes qu’elle n’en ajoute.",
    ),
    Person(
        *("yann", "Yann", "Le Goff", "fr"),
        "Cheminot, fils de cheminot. Collectionne les horaires et les nuits claires.",
    ),
)


def sample_authors() -> list[User]:
    """Return the invented authors, each of them made on the first call."""
    known = {user.email: user for user in User.objects.filter(email__in=[person.email for person in PEOPLE])}
    return [known.get(person.email) or _make(person) for person in PEOPLE]


def _make(person: Person) -> User:
    user = User(
        username=_free_username(person.username),
        email=person.email,
        first_name=person.first_name,
        last_name=person.last_name,
        language=person.language,
        bio=person.bio,
    )
    user.set_unusable_password()
    user.save()
    return user


def _free_username(wanted: str) -> str:
    """Leave a name to whoever has it already."""
    username, number = wanted, 1
    while User.objects.filter(username__iexact=username).exists():
        number += 1
        username = f"{wanted}{number}"
    return username
